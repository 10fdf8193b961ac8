"""Which encoders there are, which is in use, and what each is compared with."""

import pytest
from comparisons import BASE, TUNED, comparison, evaluation, write_card, write_history

from core.errors import ModelError
from core.evaluation.comparison import Figure
from core.evaluation.model_overview import Overview, RetrievalRecord, encoder_overview
from core.evaluation.report import load_evaluations, save_evaluation
from core.retrieval.encoder_registry import Registry
from core.settings import Settings
from core.workspace import Workspace

ANOTHER = "lora-20260202-120000-cd34"


def seen(workspace: Workspace, indexed: str | None = BASE, *, compared: bool = False) -> Overview:
    return encoder_overview(Registry(workspace, Settings()), indexed, [comparison()] if compared else [])


def test_before_any_training_there_is_what_was_indexed_or_nothing(workspace: Workspace) -> None:
    found = seen(workspace)
    assert [(each.id, each.is_champion, each.card) for each in found.encoders] == [(BASE, True, None)]
    assert (found.before, found.pair(BASE)) == (None, None)
    assert seen(workspace, None).encoders == ()


def test_a_challenger_is_compared_with_the_one_in_use(workspace: Workspace) -> None:
    write_card(workspace)
    found = seen(workspace)
    assert [(each.id, each.is_champion) for each in found.encoders] == [(BASE, True), (TUNED, False)]
    assert found.pair(TUNED) == (BASE, TUNED)
    assert found.pair(BASE) is None


def test_the_one_in_use_is_compared_with_what_was_in_use_before(workspace: Workspace) -> None:
    write_card(workspace)
    write_card(workspace, ANOTHER, "2026-02-02T12:00:00+00:00")
    write_history(workspace, TUNED)
    found = seen(workspace)
    assert [each.id for each in found.encoders] == [TUNED, ANOTHER, BASE]
    assert (found.champion, found.before, found.pair(TUNED)) == (TUNED, BASE, (BASE, TUNED))
    write_history(workspace, TUNED, ANOTHER)
    found = seen(workspace)
    assert (found.champion, found.before, found.pair(ANOTHER)) == (ANOTHER, TUNED, (TUNED, ANOTHER))
    assert found.encoders[0].promoted is not None
    assert found.encoders[0].promoted.why == "mrr@10 0.8350 → 0.9280"


def test_a_rollback_to_the_base_has_the_base_in_use(workspace: Workspace) -> None:
    write_card(workspace)
    write_history(workspace, TUNED, BASE)
    found = seen(workspace, TUNED)
    assert (found.champion, found.before, found.indexed) == (BASE, TUNED, TUNED)


def test_the_page_of_the_models_goes_back_where_a_rollback_does(workspace: Workspace) -> None:
    write_card(workspace)
    write_card(workspace, ANOTHER, "2026-02-02T12:00:00+00:00")
    write_history(workspace, TUNED, ANOTHER, ANOTHER)
    assert seen(workspace).before == TUNED
    write_history(workspace, TUNED, TUNED)
    assert seen(workspace).before == BASE


def test_an_evaluation_later_than_the_comparison_is_shown(workspace: Workspace) -> None:
    registry = Registry(workspace, Settings())

    def found(*stamps: str, compared: bool) -> RetrievalRecord | None:
        for stamp in stamps:
            save_evaluation(workspace, evaluation(stamp, BASE))
        evaluations = load_evaluations(workspace).evaluations
        overview = encoder_overview(registry, BASE, [comparison()] if compared else [], evaluations)
        return next(each.record for each in overview.encoders if each.id == BASE)

    earlier, later = "2020-01-01T12:00:00+00:00", "2030-01-01T12:00:00+00:00"
    compared = found(earlier, compared=True)
    assert compared is not None
    assert compared.judged_on == comparison().judged_on
    alone = found(compared=False)
    assert alone is not None
    assert (alone.queries, alone.alone["hit@1"], "queries" in alone.alone) == (
        186, Figure(0.876, (0.826, 0.916)), False,
    )  # fmt: skip
    latest = found(later, compared=True)
    assert latest is not None
    assert latest.judged_on == "validation@2"


def test_figures_come_from_the_latest_comparison_else_from_the_card(workspace: Workspace) -> None:
    write_card(workspace)
    by_card = {each.id: each.record for each in seen(workspace).encoders}
    assert by_card[BASE] is None
    tuned = by_card[TUNED]
    assert tuned is not None
    assert (tuned.judged_on, tuned.queries) == ("validation@2", 186)
    assert tuned.alone == {"hit@1": Figure(0.876, (0.82, 0.916)), "mrr@10": Figure(0.928, (0.89, 0.96))}
    assert tuned.fused == {"hit@1": Figure(0.935, None)}
    found = seen(workspace, compared=True)
    compared = {each.id: each.record for each in found.encoders}
    assert compared[BASE] is not None
    assert (compared[BASE].alone["mrr@10"].value, compared[BASE].queries) == (0.45, 5)
    assert compared[TUNED] is not None
    assert compared[TUNED].fused["hit@1"].value == 0.8
    assert found.comparison_seconds == 48.2


def test_a_damaged_card_hides_no_other_but_a_damaged_history_all(workspace: Workspace) -> None:
    write_card(workspace)
    write_card(workspace, ANOTHER)
    (workspace.models / ANOTHER / "model.json").write_text("{")
    found = seen(workspace)
    assert [each.id for each in found.encoders] == [BASE, TUNED]
    assert found.damaged == (f"The card of {ANOTHER} is damaged.",)
    (workspace.models / "champion.json").write_text("{")
    with pytest.raises(ModelError, match="is damaged"):
        seen(workspace)
