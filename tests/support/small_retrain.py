"""A workspace whose encoder is trained in a second."""

from pathlib import Path

from samples import PRODUCTS, QUERIES, match, no_match, q, write_catalogue
from tiny_encoder import write_tiny_sentence_encoder

from core.workspace import Workspace
from labels.model import ActionDetails, Verb
from labels.store import LabelStore

_SETTINGS = """\
[validation]
share = 0.2
[encoder]
model = "{encoder}"
[retrain]
epochs = 1
min_steps = {steps}
batch_size = 2
hard_negatives = 1
rank = 2
learning_rate = {rate}
"""


def write_small_retrain(folder: Path, *, steps: int, rate: float) -> Workspace:
    """A few labels, a tiny encoder, and the settings of a retrain with some steps and learning rate."""
    workspace = write_catalogue(folder / "home")
    encoder = write_tiny_sentence_encoder(folder / "tiny", [product.title for product in [*QUERIES, *PRODUCTS]])
    workspace.settings.write_text(_SETTINGS.format(encoder=encoder, steps=steps, rate=rate))
    with LabelStore(workspace.labels) as store:
        store.draw_validation([q("qv")], seed=1)
        for id_ in ("q1", "q2", "q3", "q4", "qv"):
            judgements = [*match(f"{id_}-c1"), *no_match(f"{id_}-c2")]
            store.record("ada", Verb.ACCEPT, q(id_), judgements, ActionDetails(closes=True))
    return workspace
