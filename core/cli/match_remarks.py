"""Remarks on the rows of `match` and `score`: how far the matcher is calibrated, and whether the index is current."""

from typing import Any

from core.cli.context import Context
from core.matching.bands import basis_remark
from core.matching.matcher import Matcher
from core.retrieval.candidates import MatcherSummary
from core.retrieval.indexed_products import IndexState


def calibration_facts(source: MatcherSummary | Matcher | None) -> dict[str, Any]:
    """For JSON: `calibrated`, `labels` and `labelled_matches` of a matcher."""
    labels, matches = (source.labels, source.matches) if source is not None else (0, 0)
    return {"calibrated": labels > 0, "labels": labels, "labelled_matches": matches}


def print_remarks(context: Context, facts: dict[str, Any], state: IndexState | None = None) -> None:
    """Warn on standard error about few or no training labels, and about an out-of-date index."""
    if remark := basis_remark(facts["labels"], facts["labelled_matches"]):
        context.err.print(remark)
    if state is not None:
        print_index_state(context, state)


def print_index_state(context: Context, state: IndexState) -> None:
    """Print what is out of date, on standard error."""
    for sentence in state.sentences():
        context.err.print(sentence, markup=False)
