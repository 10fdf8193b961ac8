"""How good an encoder gets with few labels on the demo: after some reviewed queries, with and without equal GTINs.

    python -m tests.bench.label_curve [--reviewed 0 50 100 300]

For each number a workspace of its own: that many queries are answered as the queue presents them, weak labels are
derived from GTINs or not, and a retrain measures the encoder on the validation queries. Takes about ten minutes on two
cores.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from core.demo import REHEARSER, SHORT_RETRAIN, answer_from_gold, build_demo
from core.jobs.progress import Silent
from core.settings import load_settings
from core.training.run import retrain
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.model import Stream
from tests.bench.walmart_amazon import samesku

_METRICS = ("hit@1", "hit@10", "mrr@10")


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.label_curve", description=__doc__.splitlines()[0])
    parser.add_argument("--reviewed", type=int, nargs="+", default=[0, 50, 100, 300])
    sys.stdout.write("| reviewed queries | weak labels | matches | " + " | ".join(_METRICS) + " |\n| --- | --- | --- ")
    sys.stdout.write("| ---: " * len(_METRICS) + "|\n")
    for number in parser.parse_args().reviewed:
        for weak in ("never", "fill"):
            sys.stdout.write(f"| {_measured(number, weak)} |\n")
            sys.stdout.flush()


def _measured(number: int, weak: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "demo")
        settings = build_demo(workspace, Silent())
        reviewed = answer_from_gold(workspace, settings, Stream.TRIAGE, REHEARSER, number)
        if weak == "fill":
            samesku(workspace.home, "dataset", "bootstrap")
        settings = load_settings(workspace.settings, SHORT_RETRAIN | {"retrain.weak_labels": weak})
        try:
            result = retrain(workspace, settings, Silent())
        except SameskuError as error:
            return f"{reviewed} | {weak} | {error.message}"
        encoder = result["challenger"]["encoder"]  # type: ignore[index]
        metrics = " | ".join(f"{encoder[name]:.3f}" for name in _METRICS)
        return f"{reviewed} | {weak} | {result['triplets']} | {metrics}"


if __name__ == "__main__":
    main()
