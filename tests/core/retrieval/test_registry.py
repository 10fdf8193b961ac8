"""Trained encoders: lineage, promotion, and weights that must be those that were trained."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ModelError
from core.judge.finetune.storage import unfinished_judges
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import ModelCard, Registry, new_tuned_id
from core.settings import Settings
from core.workspace import Workspace

BASE = EncoderModel("base-1234", Path("/base"))


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr("core.retrieval.encoder_registry.find_base", lambda _: BASE)
    return Registry(Workspace(tmp_path), Settings())


def card(model_id: str, created_at: str = "2026-01-01") -> ModelCard:
    sha256 = hashlib.sha256(model_id.encode()).hexdigest()
    return ModelCard(model_id, BASE.id, "base", sha256, created_at, recipe={"epochs": 4}, query_prefix="query: ")


def drafted(place: Path, model_id: str = "m1") -> Path:
    merged = place / model_id / "merged"
    merged.mkdir(parents=True)
    (merged / "model.safetensors").write_bytes(model_id.encode())
    return merged.parent


def trained(registry: Registry, model_id: str, created_at: str = "2026-01-01") -> EncoderModel:
    made = drafted(registry.folder(model_id).parent, model_id)
    registry.add(card(model_id, created_at))
    return EncoderModel(model_id, made / "merged", "query: ")


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


def test_a_rejection_is_kept_until_the_model_is_promoted_all_the_same(registry: Registry) -> None:
    trained(registry, "m1")
    assert registry.rejection("m1") == registry.rejection(BASE.id) == ""
    decision = {"outcome": "rejected", "reason": "Not better.", "ranking": "matched", "metric": "mrr@10"}
    registry.add(replace(registry.card("m1"), decision=decision))
    assert registry.rejection("m1") == "Not better."
    registry.promote("m1", "by lea, forced")
    assert registry.rejection("m1") == ""
    trained(registry, "m2")
    registry.add(replace(registry.card("m2"), decision=decision | {"outcome": "waiting"}))
    assert registry.rejection("m2") == ""


def test_a_model_that_is_in_use_is_not_put_in_use_again(registry: Registry) -> None:
    trained(registry, "m1")
    assert registry.promote("m1", "better") is True
    assert registry.promote("m1", "again") is False
    assert [entry.why for entry in registry.history()] == ["better"]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        # As an earlier version wrote it when somebody promoted the same model twice.
        (["m1", "m2", "m2"], ["m1", BASE.id]),
        (["m1", "m1"], [BASE.id]),
        (["m1", "m2", "m3"], ["m2", "m1", BASE.id]),
        # Chosen again on purpose, a model has another one before it.
        (["m1", "m2", "m1"], ["m2", "m1", BASE.id]),
        (["m1", BASE.id], ["m1", BASE.id]),
        # Earlier versions went back and forth.
        (["m1", "m2", "<m1", "<m2"], ["m1", BASE.id]),
        (["m1", "<" + BASE.id], []),
        (["m1", "<" + BASE.id, "m2"], [BASE.id]),
        (["m1", "m2", "<m1", "m3"], ["m1", BASE.id]),
        ([BASE.id], []),
        ([], []),
    ],
)
def test_each_rollback_goes_further_back(registry: Registry, history: list[str], expected: list[str]) -> None:
    for model_id in ("m1", "m2", "m3"):
        trained(registry, model_id)
    entries = [{"model": e.lstrip("<"), "at": "", "why": "rolled back from x" if e[0] == "<" else ""} for e in history]
    if entries:
        (registry.folder("m1").parent / "champion.json").write_text(json.dumps(entries))
    for model_id in expected:
        assert registry.rollback() == model_id
        assert registry.champion().id == model_id
    with pytest.raises(ModelError, match="nothing to roll back to"):
        registry.rollback()


def test_after_a_rollback_one_can_go_forward_and_back_again(registry: Registry) -> None:
    for model_id in ("m1", "m2"):
        trained(registry, model_id)
        registry.promote(model_id, "better")
    assert registry.rollback() == "m1"
    assert registry.promote("m2", "by lea") is True
    assert [registry.rollback(), registry.rollback()] == ["m1", BASE.id]


def test_without_a_promotion_there_is_nothing_to_roll_back(registry: Registry) -> None:
    with pytest.raises(ModelError, match="nothing to roll back to"):
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


def test_a_model_appears_only_when_it_is_whole(registry: Registry) -> None:
    with registry.drafts() as place:
        drafted(place)
    assert list(registry.folder("m1").parent.iterdir()) == []
    with registry.drafts() as place:
        made = drafted(place)
        assert registry.ids() == []
        registry.add(card("m1"), made)
        assert registry.ids() == ["m1"]
    assert registry.get("m1").path == registry.folder("m1") / "merged"
    assert [path.name for path in registry.folder("m1").parent.iterdir()] == ["m1"]


def test_a_place_that_cannot_be_made_is_one_sentence(registry: Registry) -> None:
    registry.folder("m1").parent.write_text("no folder")
    with pytest.raises(ModelError, match="Nothing can be made in"), registry.drafts():
        pytest.fail("it was made")


def test_what_killed_runs_left_is_removed_and_nothing_else(registry: Registry, tmp_path: Path) -> None:
    stale, young, old, new, other, whole = (
        registry.folder(name) for name in (".samesku-draft-1", ".samesku-draft-2", "lora-1", "lora-2", "sub", "lora-3")
    )
    full = new_tuned_id(has_adapter=False)
    names = ("lora-9", "lora-3", "base-1234", full, "full-text-1a2b3c4d")
    vectors = {name: tmp_path / "index" / name for name in names}
    # A base encoder may be called full-text.
    kept = {young, new, other, whole, vectors["lora-3"], vectors["base-1234"], vectors["full-text-1a2b3c4d"]}
    gone = {stale, old, vectors["lora-9"], vectors[full]}
    for folder in kept | gone:
        folder.mkdir(parents=True)
        (folder / "file").write_text("x" * 100)
    registry.add(card("lora-3"))
    for folder in (stale, old, whole):
        for path in (folder / "file", folder):
            os.utime(path, (0, 0))
    assert set(registry.unfinished()) == gone
    with registry.drafts() as place:
        os.utime(place, (0, 0))
        registry.remove_unfinished()
        assert place.is_dir()
    assert not any(folder.exists() for folder in gone)
    assert all(folder.is_dir() for folder in kept)


@pytest.mark.parametrize("linked", ["index", "models"])
def test_nothing_is_removed_where_a_link_leads_elsewhere(registry: Registry, tmp_path: Path, linked: str) -> None:
    """Another member of the group may have made it lead to the models of another workspace."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "lora-1").mkdir(parents=True)
    (elsewhere / "lora-1" / "file").write_text("precious")
    for path in (elsewhere / "lora-1" / "file", elsewhere / "lora-1"):
        os.utime(path, (0, 0))
    link = tmp_path / "index" if linked == "index" else registry.folder("x").parent
    link.symlink_to(elsewhere)
    registry.remove_unfinished()
    assert (elsewhere / "lora-1" / "file").is_file()


@pytest.mark.parametrize("linked", ["models", "models/judge"])
def test_no_judge_is_removed_where_a_link_leads_elsewhere(tmp_path: Path, linked: str) -> None:
    workspace = Workspace(tmp_path / "home").create()
    elsewhere = tmp_path / "elsewhere"
    inside = elsewhere / "judge" / "judge-1" if linked == "models" else elsewhere / "judge-1"
    inside.mkdir(parents=True)
    os.utime(inside, (0, 0))
    (workspace.home / linked).parent.mkdir(exist_ok=True)
    (workspace.home / linked).symlink_to(elsewhere)
    assert unfinished_judges(workspace) == []


@pytest.mark.parametrize(
    "content", ["[", "{}", '["m1"]', '[{"model": "m1"}]', '[{"model": "../m1", "at": "", "why": ""}]']
)
def test_a_damaged_history_says_how_to_go_on(registry: Registry, content: str) -> None:
    trained(registry, "m1")
    (registry.folder("m1").parent / "champion.json").write_text(content)
    with pytest.raises(ModelError, match=r"champion\.json is damaged"):
        registry.champion()
