"""Model cards as Markdown: renewed with every decision, and nothing of a catalogue is markup in them."""

from dataclasses import replace
from pathlib import Path

import pytest
from model_comparisons import ATTACKS

from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import ModelCard, Registry
from core.retrieval.model_card_page import card_page, inert
from core.settings import Settings
from core.workspace import Workspace

CARD = ModelCard(
    "lora-1", "base-1234", "all-MiniLM-L6-v2", "f" * 64, "2026-01-01T12:00:00+00:00",
    recipe={"method": "lora", "lora": {"rank": 16}}, trained_on={"triplets": 576},
    metrics={"hit@1": 0.9, "change": 0.25}, intervals={"hit@1": (0.85, 0.94)}, judged_on="validation@2",
    query_prefix="query: ", candidate_prefix='say "it": ', prefixes_from="settings",
    decision={"outcome": "rejected", "reason": "The champion stays: the gain is not significant."},
    data={
        "sha256": "a" * 64, "rows": 576, "matches": {"accepted": 500, "gtin": 76}, "settings": {"template": "{title}"},
    },
)  # fmt: skip


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr("core.retrieval.encoder_registry.find_base", lambda _: EncoderModel("base-1234", Path("/base")))
    monkeypatch.setattr(Registry, "get", lambda *_: None)
    return Registry(Workspace(tmp_path), Settings())


def page(registry: Registry, model_id: str = "lora-1") -> str:
    return (registry.folder(model_id) / "README.md").read_text(encoding="utf-8")


def test_the_page_has_base_recipe_data_metrics_and_decision(registry: Registry) -> None:
    registry.add(CARD)
    text = page(registry)
    for line in (
        "# `lora-1`", "- base: `all-MiniLM-L6-v2`", f"- SHA-256 of the weights: `{'f' * 64}`", "- `lora.rank`: `16`",
        "- triplets: `576`", f"- SHA-256 of the rows: `{'a' * 64}`", "- matches: `accepted 500, gtin 76`",
        "| `hit@1` | `0.9` | `0.850 to 0.940` |", "- outcome: `rejected`",
        "- reason: `The champion stays: the gain is not significant.`", "- text of a product: `{title}`",
        "queries = model.encode(['query: ' + text for text in texts], normalize_embeddings=True)",
    ):  # fmt: skip
        assert line in text.splitlines()


def test_it_is_renewed_with_every_decision(registry: Registry) -> None:
    registry.add(CARD)
    registry.add(replace(CARD, decision={"outcome": "waiting", "reason": "It waits for a lead."}))
    assert "It waits for a lead." in page(registry)
    assert "The champion stays" not in page(registry)
    registry.promote("lora-1", "by lea, forced")
    assert ": `by lea, forced`" in page(registry)
    registry.add(replace(CARD, id="lora-2"))
    assert "lea" not in page(registry, "lora-2")


def test_texts_of_a_catalogue_or_a_model_are_inert(registry: Registry) -> None:
    hostile = [*ATTACKS, "`<img src=x>`", "a\n\n# heading", "|a|b|", "[x](https://evil.example)", "```\ncode\n```"]
    settings = {"template": hostile[-1]}
    card = replace(
        CARD, base=" ".join(hostile), query_prefix="```\n", prefixes_from="`x`\n# y",
        recipe=dict.fromkeys(hostile, "x"),
        data={"counts": dict.fromkeys(hostile, 1), "settings": settings}, metrics=dict.fromkeys(hostile, 1.0),
        decision={"reason": "\n```\n" + hostile[0]},
    )  # fmt: skip
    lines = card_page(card, (), "").splitlines()
    assert sum(line.startswith("#") for line in lines) == 6
    for line in lines[5:]:
        assert line == "" or line.startswith(("- ", "| ", "## ", "Evaluated on "))
        # Outside of code spans, which every second piece is, nothing of theirs is left.
        assert line.count("`") % 2 == 0
        assert not set("".join(line.split("`")[::2])) & set("<>[]&\\")
    registry.add(card)
    assert page(registry).count("\n```") == 2


def test_a_value_is_one_short_code_span() -> None:
    assert inert("a`b|c\n d") == "`a'b/c d`"
    assert len(inert("x" * 9000)) < 600
    assert inert("") == ""
