"""A retrain says what it was trained on: hash, counts by source, split and leakage check."""

from dataclasses import replace
from pathlib import Path

import pytest
from samples import PRODUCTS, QUERIES, match, no_match, q, write_catalogue
from tiny_encoder import write_tiny_sentence_encoder

from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.jobs.board import Jobs
from core.jobs.progress import Silent
from core.retrieval.encoder_registry import Registry
from core.settings import Settings, load_settings
from core.splits.bootstrap import derive_weak_labels
from core.splits.weak_labels import save_weak_labels
from core.training.plan import plan_retrain
from core.training.run import retrain
from core.workspace import Workspace
from labels.model import Verb
from labels.store import LabelStore

pytestmark = pytest.mark.timeout(900)

_SETTINGS = """\
[encoder]
model = "{}"
[retrain]
epochs = 1
min_steps = 2
batch_size = 2
hard_negatives = 2
rank = 2
learning_rate = 0.05
"""


class Messages(Silent):
    """Keeps the messages."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def message(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three queries with a match, one of them for validation, and a GTIN that q3 and q3-c2 share."""
    made = write_catalogue(tmp_path / "home")
    code = {"q3": "036000291452", "q3-c2": "036000291452"}
    with CatalogStore(made.catalog) as catalog:
        catalog.replace("walmart", "query", [replace(p, upc=code.get(p.id, "")) for p in QUERIES])
        catalog.replace("amazon", "catalog", [replace(p, upc=code.get(p.id, "")) for p in PRODUCTS])
    encoder = write_tiny_sentence_encoder(tmp_path / "tiny", [product.title for product in [*QUERIES, *PRODUCTS]])
    made.settings.write_text(_SETTINGS.format(encoder))
    with LabelStore(made.labels) as store:
        store.draw_validation([q("qv")], seed=1)
        for query in ("q1", "q2", "qv"):
            store.record("ada", Verb.ACCEPT, q(query), [*match(f"{query}-c1"), *no_match(f"{query}-c2")])
    return made


def settings_of(workspace: Workspace, **overrides: str) -> Settings:
    return load_settings(workspace.settings, {f"retrain.{name}": value for name, value in overrides.items()})


def test_the_card_counts_weak_labels_and_negatives_by_source(workspace: Workspace) -> None:
    save_weak_labels(workspace.weak_labels, derive_weak_labels(workspace, Settings()).labels)
    messages = Messages()
    result = retrain(workspace, settings_of(workspace, weak_labels="fill"), messages)
    data = result["data"]
    assert isinstance(data, dict)
    assert data["matches"] == {"explicit": 2, "gtin": 1}
    assert sum(data["negatives"].values()) == 2 * 3
    assert data["negatives"]["explicit"] == 2
    assert (data["split"]["weak_labels"], data["split"]["evaluated_on"]) == (1, "validation@1")
    assert data["leakage"]["evaluation_products"] == 2
    assert any("gtin 1" in text and data["sha256"][:12] in text for text in messages.said)
    settings = settings_of(workspace)
    (card,) = Registry(workspace, settings).cards()
    assert card.data == data
    plain = retrain(workspace, settings, Silent())
    assert isinstance(plain["data"], dict)
    assert plain["data"]["matches"] == {"explicit": 2}
    assert plain["data"]["sha256"] != data["sha256"]


def test_the_plan_counts_weak_matches(workspace: Workspace) -> None:
    jobs = Jobs(workspace.jobs, "ada")
    assert plan_retrain(workspace, settings_of(workspace), jobs).examples == 2
    settings = settings_of(workspace, weak_labels="always")
    with pytest.raises(CoreError, match="no weak labels yet"):
        plan_retrain(workspace, settings, jobs)
    save_weak_labels(workspace.weak_labels, derive_weak_labels(workspace, Settings()).labels)
    plan = plan_retrain(workspace, settings, jobs)
    assert (plan.matches, plan.weak_matches, plan.examples) == (2, 1, 3)
