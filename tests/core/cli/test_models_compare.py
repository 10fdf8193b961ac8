"""`samesku models compare`: any number of encoders, on the terminal, as JSON and as a report."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_comparisons import ATTACKS
from samples import PRODUCTS, QUERIES
from tiny_encoder import write_tiny_sentence_encoder

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.evaluation.comparison import load_comparison
from core.evaluation.training_cost import TrainingCost, training_cost
from core.retrieval.encoder_registry import ModelCard
from core.workspace import Workspace

Call = Callable[..., Any]

TEXTS = [product.title for product in [*QUERIES, *PRODUCTS]]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three encoders with random weights."""
    import torch  # noqa: PLC0415 - seconds, for these tests alone

    made = []
    for number in range(3):
        torch.manual_seed(number)
        folder = tmp_path_factory.mktemp(f"tiny{number}")
        made.append(write_tiny_sentence_encoder(folder, TEXTS).rename(folder / f"encoder{number}"))
    return made


@pytest.fixture
def labelled(workspace: Workspace, encoders: list[Path], call: Call, tmp_path: Path) -> Workspace:
    """The first encoder is the base; four validation queries have a match and a non-match."""
    workspace.settings.write_text(f'[encoder]\nmodel = "{encoders[0]}"\n')
    rows = [f"{query.id},{query.id}-c{place},{int(place == 1)}" for query in QUERIES[:4] for place in (1, 2)]
    file = tmp_path / "valid.csv"
    file.write_text("\n".join(["query_id,candidate_id,label", *rows]))
    done = call("--home", workspace.home, "import", "labels", file, "--as", "gold", "--split", "validation")
    assert done.code == 0, done.err
    return workspace


def test_three_encoders_are_compared_with_the_first(labelled: Workspace, encoders: list[Path], call: Call) -> None:
    answer = call("--home", labelled.home, "--json", "models", "compare", "base", encoders[1], encoders[2])
    assert answer.code == 0, answer.err
    found = answer.json
    assert [model["id"].rpartition("-")[0] for model in found["models"]] == ["encoder0", "encoder1", "encoder2"]
    assert (found["reference"], found["queries"], found["pairs"], found["matches"]) == (
        found["models"][0]["id"],
        4,
        8,
        4,
    )
    metrics = found["models"][1]["rankings"]["encoder"] | found["models"][1]["pairs"]
    assert set(metrics) == {
        "recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10", "spearman", "margin", "auc_roc",
        "average_precision", "cohens_d", "best_f1", "false_positives", "cluster_purity",
    }  # fmt: skip
    for name, estimate in metrics.items():
        low, high = estimate["interval"] or (estimate["value"],) * 2
        assert low <= high
        assert name == "cohens_d" or low - 1e-9 <= estimate["value"] <= high + 1e-9 or name == "best_f1"
        assert 0 < estimate["difference"]["p_value"] <= 1
    assert all(each["difference"] is None for each in found["models"][0]["pairs"].values())
    assert [each["after"] for each in found["comparisons"]] == [model["id"] for model in found["models"][1:]]
    assert load_comparison(labelled, found["reference"], found["models"][2]["id"]) is not None
    assert set(found["comparisons"][0]["pairs"]) == {"auc_roc", "average_precision", "best_f1", "cluster_purity"}
    report = Path(found["report"])
    assert report.parent == labelled.reports
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_table_and_the_moves_are_printed(
    labelled: Workspace, encoders: list[Path], call: Call, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "mine.html"
    target.parent.mkdir()
    answer = call("--home", labelled.home, "models", "compare", encoders[1], "base", "--report", target)
    assert answer.code == 0, answer.err
    for words in (
        "4 queries with a known match, 8 labelled pairs",
        "Recall@1",
        "Cluster purity",
        "better",
        str(target),
    ):
        assert words in answer.out
    assert "Model 2 of 2: encoder0-" in answer.err
    assert target.exists()
    assert not list(labelled.reports.glob("*.html"))


def test_one_encoder_alone_is_measured(labelled: Workspace, call: Call) -> None:
    answer = call("--home", labelled.home, "--json", "models", "compare", "base")
    assert answer.code == 0, answer.err
    assert answer.json["comparisons"] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bas", "There is no model bas here. Did you mean base?"),
        ("lora-x", "There is no model lora-x here."),
        ("./nowhere", "There is no folder ./nowhere."),
        ("base", "cannot be compared with itself"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(labelled: Workspace, call: Call, name: str, words: str) -> None:
    answer = call("--home", labelled.home, "models", "compare", "base", name)
    assert answer.code == 1
    assert words in " ".join(answer.err.split())
    assert "samesku models list" in answer.err


def test_a_folder_without_an_encoder_is_refused(labelled: Workspace, call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = call("--home", labelled.home, "models", "compare", "base", tmp_path / "empty")
    assert answer.code == 1
    assert "model.safetensors" in answer.err


def test_without_labels_it_tells_how_to_get_some(workspace: Workspace, call: Call) -> None:
    answer = call("--home", workspace.home, "models", "compare", "base")
    assert answer.code == 1
    assert "nothing to evaluate on" in answer.err
    assert "--split validation" in answer.err


def test_without_the_libraries_a_report_is_refused_if_it_was_asked_for(
    labelled: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("core.evaluation.comparison_report.page._LIBRARIES", ("jinja2", "plotly_is_missing"))
    asked = call("--home", labelled.home, "models", "compare", "base", "--report", tmp_path / "mine.html")
    assert asked.code == 1
    assert "pip install" in asked.err
    assert "Model 1 of 1" not in asked.err
    default = call("--home", labelled.home, "--json", "models", "compare", "base")
    assert default.code == 0
    assert default.json["report"] is None
    assert "pip install" in default.err


@pytest.mark.parametrize(
    ("target", "words"), [("mine.txt", "unknown ending"), ("folder.html", "is a folder"), ("file/x.html", "file")]
)
def test_a_report_that_cannot_be_written_is_refused_before_the_work(
    labelled: Workspace, call: Call, tmp_path: Path, target: str, words: str
) -> None:
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file").touch()
    answer = call("--home", labelled.home, "models", "compare", "base", "--report", tmp_path / target)
    assert answer.code == 1
    assert words in answer.err
    assert "Model 1 of 1" not in answer.err


def test_a_hostile_catalogue_stays_text_on_the_terminal_and_in_the_report(
    workspace: Workspace, encoders: list[Path], call: Call, tmp_path: Path
) -> None:
    titles = [title[:400] or "-" for title in ATTACKS]
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", [Product("walmart", f"q{i}", title) for i, title in enumerate(titles)])
        catalog.replace("amazon", "catalog", [Product("amazon", f"c{i}", title) for i, title in enumerate(titles)])
    workspace.settings.write_text(f'[encoder]\nmodel = "{encoders[0]}"\n')
    rows = [f"q{i},c{(i + step) % len(titles)},{int(not step)}" for i in range(len(titles)) for step in (0, 1)]
    file = tmp_path / "valid.csv"
    file.write_text("\n".join(["query_id,candidate_id,label", *rows]))
    call("--home", workspace.home, "import", "labels", file, "--as", "gold", "--split", "validation")
    target = tmp_path / "report.html"
    answer = call("--home", workspace.home, "models", "compare", "base", encoders[1], "--report", target)
    assert answer.code == 0, answer.err
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", answer.out)
    page = target.read_text(encoding="utf-8")
    assert page.count("hacked") > 5
    assert "<script>window.hacked" not in page
    assert not re.search(r"<(img|a|svg)\b[^>]*hacked", page)


def test_pairs_of_one_class_give_no_pair_metrics(
    workspace: Workspace, encoders: list[Path], call: Call, tmp_path: Path
) -> None:
    workspace.settings.write_text(f'[encoder]\nmodel = "{encoders[0]}"\n')
    file = tmp_path / "valid.csv"
    file.write_text("query_id,candidate_id,label\nq1,q1-c1,1\nq2,q2-c1,1\n")
    call("--home", workspace.home, "import", "labels", file, "--as", "gold", "--split", "validation")
    answer = call("--home", workspace.home, "--json", "models", "compare", "base")
    assert answer.code == 0, answer.err
    assert "No pair metrics" in answer.err
    (model,) = answer.json["models"]
    assert set(model["pairs"]) <= {"cluster_purity"}
    assert model["confusion"] is None


def test_the_cost_of_a_training_is_read_from_card_and_adapter(tmp_path: Path) -> None:
    from safetensors.numpy import save_file  # noqa: PLC0415

    card = ModelCard("lora-1", "base-1", "base", "0", "2026-01-01")
    assert training_cost(card, tmp_path) == TrainingCost()
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    weights = adapter / "adapter_model.safetensors"
    save_file({"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float32)}, weights)
    assert training_cost(card, tmp_path) == TrainingCost(17, weights.stat().st_size)
    measured = dataclasses.replace(
        card, metrics={"training_seconds": 90.5, "peak_memory_bytes": 2048.0, "trained_parameters": 20.0}
    )
    assert training_cost(measured, tmp_path) == TrainingCost(20, weights.stat().st_size, 90.5, 2048)
    weights.write_bytes(b"damaged")
    assert training_cost(card, tmp_path) == TrainingCost()
