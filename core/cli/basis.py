"""What probabilities rest on, beside the answers that have some: how many labels, and a remark where these are few."""

from typing import TYPE_CHECKING, Any

from core.cli.context import Context

if TYPE_CHECKING:
    from core.match.matcher import Matcher
    from core.search.candidates import Standing


def basis_of(source: "Standing | Matcher | None") -> dict[str, Any]:
    """For JSON: `calibrated`, `labels` and how many of them are matches; of no matcher, of no labels."""
    labels, matches = (source.labels, source.matches) if source is not None else (0, 0)
    return {"calibrated": labels > 0, "labels": labels, "labelled_matches": matches}


def remark(context: Context, basis: dict[str, Any]) -> None:
    """One line on standard error where too few labels stand behind the probabilities, or none."""
    from core.match.bands import basis_remark  # noqa: PLC0415

    if words := basis_remark(basis["labels"], basis["labelled_matches"]):
        context.err.print(words)
