"""What an import of products does to labels and queue, in sentences and for JSON."""

from contextlib import suppress
from typing import TYPE_CHECKING

from core.cli.context import Context
from core.text.safe import safe
from labels.errors import SameskuError
from labels.wording import counted

if TYPE_CHECKING:
    from core.catalog.import_report import ImportReport
    from core.catalog.role import Role
    from core.catalog.writing import ReplacedArticle
    from labels.model import ProductRef

#: So many replaced products are named on a terminal; the JSON answer has them all.
_NAMED = 10
_LONGEST_TITLE = 80
_SIDES: "dict[Role, str]" = {"query": "queries", "catalog": "candidates"}


def labelled(context: Context) -> "set[ProductRef] | None":
    """The products that labels name; None where that cannot be read, so that nothing is taken for unlabelled."""
    from labels.product_decisions import labelled_products  # noqa: PLC0415
    from labels.reading import LabelReader  # noqa: PLC0415

    if not context.workspace.labels.exists():
        return set()
    # A damaged ledger is told of by every verb that needs it; an import does not.
    with suppress(SameskuError), LabelReader(context.workspace.labels) as reader:
        return labelled_products(reader)
    return None


def effects(context: Context, report: "ImportReport", *, dry: bool) -> dict[str, object]:
    """What the answer with `--json` says of labels and queue.

    Returns:
        `replaced`: labelled products that are other articles now, or were removed (`after` is null); `labels_left_out`:
        labels on them; `queries_again`: queries that wait to be answered again, null for a rehearsal; `labels_of_role`:
        labels that do not count because the source changed its role.
    """
    replaced = [
        {"source": each.ref.source, "id": each.ref.id, "before": each.before, "after": each.after}
        for each in report.counts.replaced
    ]
    found: dict[str, object] = {
        "replaced": replaced, "labels_left_out": 0, "queries_again": None if dry else 0, "labels_of_role": 0,
    }  # fmt: skip
    if replaced:
        found |= _left_out(context, report.counts.replaced, dry=dry)
    if _changes_role(report) and context.workspace.labels.exists():
        from labels.product_decisions import pairs_of_source  # noqa: PLC0415
        from labels.reading import LabelReader  # noqa: PLC0415

        with LabelReader(context.workspace.labels) as reader:
            as_query, as_candidate = pairs_of_source(reader, report.source)
        found["labels_of_role"] = as_query if report.role == "catalog" else as_candidate
    return found


def _left_out(context: Context, replaced: "tuple[ReplacedArticle, ...]", *, dry: bool) -> dict[str, object]:
    from core.dataset.current_labels import ledger_and_catalogue, outdated  # noqa: PLC0415
    from labels.product_decisions import decisions_on  # noqa: PLC0415

    with ledger_and_catalogue(context.workspace) as (store, catalog):
        pairs = {each.pair for each in decisions_on(store, [each.ref for each in replaced])}
        if dry or catalog is None:
            return {"labels_left_out": len(pairs)}
        waiting = outdated(store, catalog).waiting
    return {"labels_left_out": len(pairs), "queries_again": len({pair.query for pair in pairs} & waiting.keys())}


def _changes_role(report: "ImportReport") -> bool:
    return report.role_before not in {None, report.role}


def tell_effects(context: Context, report: "ImportReport", facts: dict[str, object], *, dry: bool) -> None:
    """Print the same for people."""
    if _changes_role(report):
        _tell_role(context, report, facts, dry=dry)
    replaced = report.counts.replaced
    if not replaced:
        return
    verb = "would be" if dry else "is" if len(replaced) == 1 else "are"
    products = counted(len(replaced), "labelled product")
    context.out.print(f"  {products} {verb} another article or gone:")
    for each in replaced[:_NAMED]:
        now = "is gone" if each.after is None else f"is now “{_short(each.after)}”"
        context.out.print(f"    {safe(each.ref.id)}: was “{_short(each.before)}”, {now}")
    if len(replaced) > _NAMED:
        context.out.print(f"    and {len(replaced) - _NAMED:,} more; --json names them all")
    labels = counted(_count(facts["labels_left_out"]), "label on them is", "labels on them are")
    context.out.print(f"  {labels} left out of training until confirmed.")
    if facts["queries_again"]:
        queries = counted(_count(facts["queries_again"]), "query is", "queries are")
        context.out.print(f"  {queries} asked about again, first of all: samesku review")


def _tell_role(context: Context, report: "ImportReport", facts: dict[str, object], *, dry: bool) -> None:
    before, after = _SIDES[report.role_before or report.role], _SIDES[report.role]
    became = "would become" if dry else "are now"
    queue = "leave the queue" if report.role == "catalog" else "join the queue"
    context.out.print(
        f"  The products of {safe(report.source)} were {before} and {became} {after}: they {queue} with the next"
        " `samesku index`."
    )
    if facts["labels_of_role"]:
        one, several = (f"on them as {before} neither {verbs}" for verbs in ("trains nor judges", "train nor judge"))
        labels = counted(_count(facts["labels_of_role"]), f"label {one}", f"labels {several}")
        context.out.print(f"  {labels} while that is so.")


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _short(title: str) -> str:
    text = safe(title).strip()
    return text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1] + "…"
