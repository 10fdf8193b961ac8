"""Trained encoders: lineage, promotion, and weights that must be those that were trained."""

import hashlib
from pathlib import Path

import pytest

from core.encode.models import EncoderModel
from core.errors import ModelError
from core.registry.card import ModelCard
from core.registry.registry import Registry
from core.settings import Settings
from core.workspace import Workspace

BASE = EncoderModel("base-1234", Path("/base"))


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr("core.registry.registry.find_base", lambda _: BASE)
    return Registry(Workspace(tmp_path), Settings())


def trained(registry: Registry, model_id: str, created_at: str = "2026-01-01") -> EncoderModel:
    merged = registry.folder(model_id) / "merged"
    merged.mkdir(parents=True)
    (merged / "model.safetensors").write_bytes(model_id.encode())
    sha256 = hashlib.sha256(model_id.encode()).hexdigest()
    registry.add(ModelCard(model_id, BASE.id, "base", sha256, created_at, recipe={"epochs": 4}, query_prefix="query: "))
    return EncoderModel(model_id, merged, "query: ")


def test_without_any_training_the_base_is_in_use(registry: Registry) -> None:
    assert (registry.champion(), registry.champion_id(), registry.cards(), registry.history()) == (BASE, None, [], ())


def test_what_was_added_is_found_again_with_its_card(registry: Registry) -> None:
    later, earlier = trained(registry, "m1", "2026-02-01"), trained(registry, "m2", "2026-01-01")
    assert [card.id for card in registry.cards()] == ["m2", "m1"]
    assert (registry.get("m1"), registry.get("m2")) == (later, earlier)
    assert registry.card("m1").recipe == {"epochs": 4}
    assert registry.get(BASE.id) == BASE


def test_promotions_and_rollbacks_are_all_written_down(registry: Registry) -> None:
    m1, m2 = trained(registry, "m1"), trained(registry, "m2")
    registry.promote("m1", "better")
    registry.promote("m2", "better still")
    assert (registry.champion(), registry.champion_id()) == (m2, "m2")
    assert registry.rollback() == "m1"
    assert registry.champion() == m1
    assert [(entry.model, entry.why) for entry in registry.history()] == [
        ("m1", "better"),
        ("m2", "better still"),
        ("m1", "rolled back from m2"),
    ]


def test_the_first_promotion_is_rolled_back_to_the_base(registry: Registry) -> None:
    trained(registry, "m1")
    registry.promote("m1", "better")
    assert registry.rollback() == BASE.id
    assert registry.champion() == BASE


def test_without_a_promotion_there_is_nothing_to_roll_back(registry: Registry) -> None:
    with pytest.raises(ModelError, match="nothing to go back to"):
        registry.rollback()


def test_weights_that_are_not_those_that_were_trained_are_refused(registry: Registry) -> None:
    model = trained(registry, "m1")
    registry.promote("m1", "better")
    (model.path / "model.safetensors").write_bytes(b"others")
    for act in (registry.champion, lambda: registry.promote("m1", "again")):
        with pytest.raises(ModelError, match="not those that were trained"):
            act()
    assert len(registry.history()) == 1


@pytest.mark.parametrize(
    "content",
    [
        "{",
        '{"id": "m1"}',
        '{"id": "m2", "parent": "base", "base": "b", "sha256": "", "created_at": ""}',
        '{"id": "m1", "parent": "../..", "base": "b", "sha256": "", "created_at": ""}',
        '{"id": "m1", "parent": "base", "base": "b", "sha256": "", "created_at": "", "metrics": {"hit@1": "high"}}',
    ],
)
def test_a_damaged_card_is_an_error(registry: Registry, content: str) -> None:
    registry.folder("m1").mkdir(parents=True)
    (registry.folder("m1") / "model.json").write_text(content)
    with pytest.raises(ModelError, match="The card of m1 is"):
        registry.get("m1")


def test_an_unknown_model_is_an_error(registry: Registry) -> None:
    with pytest.raises(ModelError, match="no model m1"):
        registry.get("m1")


def test_what_a_failed_run_left_is_removed(registry: Registry) -> None:
    trained(registry, "m1")
    registry.discard("m1")
    registry.discard("never there")
    assert registry.cards() == []
    assert not registry.folder("m1").exists()


@pytest.mark.parametrize(
    "content", ["[", "{}", '["m1"]', '[{"model": "m1"}]', '[{"model": "../m1", "at": "", "why": ""}]']
)
def test_a_damaged_history_says_how_to_go_on(registry: Registry, content: str) -> None:
    trained(registry, "m1")
    (registry.folder("m1").parent / "champion.json").write_text(content)
    with pytest.raises(ModelError, match=r"champion\.json is damaged"):
        registry.champion()
