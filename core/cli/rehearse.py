"""The demo where there is no terminal: label, retrain and compare, unattended."""

from rich.table import Table

from core.cli.context import Context
from core.cli.tables import comparison
from core.jobs.progress import Reporter
from core.settings import Settings


def rehearse(context: Context, reporter: Reporter) -> dict[str, object]:
    """Replay a labelling session on the demo workspace, retrain quickly, and judge the result.

    Returns:
        what the retrain reported, and under `answered` how many queries the session answered.
    """
    from core.demo import REHEARSER, answer_from_gold  # noqa: PLC0415
    from core.settings import load_settings  # noqa: PLC0415
    from core.train.recipe import QUICK  # noqa: PLC0415
    from core.train.run import retrain  # noqa: PLC0415
    from labels.model import Stream  # noqa: PLC0415

    settings = load_settings(context.workspace.settings, QUICK)
    answered = answer_from_gold(context.workspace, settings, Stream.TRIAGE, REHEARSER)
    reporter.message(f"{answered} queries were answered as a labeller would answer them.")
    result = retrain(context.workspace, settings, reporter)
    return {"answered": answered, **result}


def tell(context: Context, settings: Settings, result: dict[str, object]) -> None:
    """Print the before/after table and the first candidates."""
    from core.catalog.store import CatalogStore  # noqa: PLC0415
    from core.match.bands import band_of  # noqa: PLC0415
    from core.search.candidates import CandidateStore  # noqa: PLC0415
    from core.text.safe import safe  # noqa: PLC0415

    context.out.print(comparison(result))
    context.out.print(str(result["decision"]))
    context.out.print("\nThe first queries and their best candidates:")
    table = Table(show_header=False, box=None, pad_edge=False)
    candidates = CandidateStore(context.workspace.derived)
    with CatalogStore(context.workspace.catalog) as catalog:
        for query in [query for query, _ in zip(catalog.iter(role="query"), range(5), strict=False)]:
            table.add_row(safe(query.title), "")
            for candidate in candidates.of(query.ref)[:3]:
                product = catalog.get(candidate.ref)
                band = band_of(candidate.similarity, settings.bands.high, settings.bands.medium)
                table.add_row(f"  {safe(product.title if product else '')}", f"{candidate.similarity:.2f} {band}")
    candidates.close()
    context.out.print(table)
