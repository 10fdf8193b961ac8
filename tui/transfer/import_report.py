"""What an import would change or has changed, in sentences, from the JSON answers of the import commands."""

from collections.abc import Mapping
from typing import Any

from textual.content import Content

from core.catalog.import_report import gtin_sentences
from core.text.safe import safe, shorten
from labels.wording import counted
from tui.theme import CAREFUL, GOOD, MUTED, STRONG

_INDEX_HINT = "Enter starts an index run, which finds new candidates; until it ends, the old ones are shown."
#: Replaced products that are listed at most, and characters of their titles.
_MAX_REPLACED = 5
_MAX_TITLE = 60
_ROLES = {
    "query": "products to review", "catalog": "candidate products", "both": "products to deduplicate",
}  # fmt: skip


def has_changes(values: Mapping[str, Any]) -> bool:
    """Whether the import changes anything.

    Args:
        values: the answer of `import products` or `labels import` with `--json`: counts of products (`added`), of
            labels (`written`), or of events.
    """
    if "added" in values:
        before = values.get("role_before")
        return bool(values["added"] or values["changed"] or values["removed"] or before != values["role"])
    if "written" in values:
        return bool(values["written"])
    return bool(values["events"] or values["validation"] or values["audits"])


def import_report(values: Mapping[str, Any], *, dry: bool) -> Content:
    """The report on an import.

    Args:
        values: as for `has_changes`.
        dry: whether this is the preview.
    """
    if "added" in values:
        lines = _products(values, dry=dry)
    else:
        lines = _labels(values, dry=dry) if "written" in values else _events(values)
    changes = has_changes(values)
    if not changes:
        lines.insert(0, Content.styled("The file holds nothing new.", STRONG))
    elif not dry:
        lines[0] = Content.assemble(("✓ ", GOOD), lines[0])
        if "added" in values:
            lines.insert(1, Content(_INDEX_HINT))
    if dry and changes:
        lines.append(Content.styled("Nothing has been changed yet.", MUTED))
    return Content("\n").join(lines)


def import_question(values: Mapping[str, Any], annotator: str) -> str:
    """The question before the import is done."""
    if "added" in values:
        changed = counted(values["added"] + values["changed"], "new or changed product")
        removed = f", and remove {counted(values['removed'], 'product')}" if values["removed"] else ""
        return f"Import {changed} into {values['source']}{removed}?"
    if "written" in values:
        default = f" ({annotator}, where the file names no annotator)"
        return f"Import {counted(values['written'], 'label')}{default}? A label stays in the ledger for good."
    return f"Import {counted(values['events'], 'event')}? An event stays in the ledger for good."


# -- products ----------------------------------------------------------------------------------------------


def _products(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    source = safe(values["source"])
    counts = f"{values['added']:,} new, {values['changed']:,} changed, {values['unchanged']:,} unchanged."
    lines = [Content.assemble((f"{source}: ", STRONG), counts)]
    before = values.get("role_before")
    if before and before != values["role"]:
        lines += _role_change(values, before, dry=dry)
    lines += _skipped(values, dry=dry)
    if values["vanished"]:
        removed = ("would be removed" if dry else "are removed") if values["removed"] else "stay"
        lines.append(_warning(f"{counted(values['vanished'], 'product')} missing in the file {removed}."))
        if values.get("unread"):
            rows = counted(values["unread"], "row")
            lines.append(_warning(f"The ids of {rows} could not be read: some of these products may be in them."))
    lines += _replaced(values, dry=dry)
    pairs = [(safe(field), safe(column)) for field, column in values["columns"].items()]
    columns = ", ".join(field if field == column else f"{field} from {column}" for field, column in pairs)
    remarks = [Content.styled(safe(remark), MUTED) for remark in values.get("remarks", ())]
    return [*lines, *_gtins(values), Content.assemble(("Columns: ", MUTED), columns), *remarks]


def _gtins(values: Mapping[str, Any]) -> list[Content]:
    """How many GTINs are usable, and examples of those that are not."""
    sentences = [safe(sentence) for sentence in gtin_sentences(values["gtins"])]
    return [*(Content(f"{each}.") for each in sentences[:1]), *map(_warning, sentences[1:])]


def _role_change(values: Mapping[str, Any], before: str, *, dry: bool) -> list[Content]:
    verb = "would become" if dry else "are now"
    lines = [_warning(f"They were {_ROLES[before]}, and {verb} {_ROLES[values['role']]}.")]
    if values.get("labels_of_role"):
        one, several = "label on them is used", "labels on them are used"
        labels = counted(values["labels_of_role"], one, several)
        lines.append(_warning(f"{labels} neither for training nor for validation in that role."))
    return lines


def _replaced(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    """The labelled products that were replaced or removed, and what follows for their labels."""
    replaced = values.get("replaced") or []
    if not replaced:
        return []
    verb = "would be" if dry else "is" if len(replaced) == 1 else "are"
    lines = [_warning(f"{counted(len(replaced), 'labelled product')} {verb} replaced or removed:")]
    for each in replaced[:_MAX_REPLACED]:
        now = "removed" if each["after"] is None else f"now “{_short(each['after'])}”"
        lines.append(Content(f"  {safe(each['id'])}: was “{_short(each['before'])}”, {now}"))
    if len(replaced) > _MAX_REPLACED:
        lines.append(Content(f"  and {len(replaced) - _MAX_REPLACED:,} more"))
    labels = counted(values["labels_left_out"], "label on them is", "labels on them are")
    again = values.get("queries_again")
    queries = f"; {counted(again, 'query comes', 'queries come')} first in the queue" if again else ""
    lines.append(Content(f"{labels} left out of training until labelled again{queries}."))
    return lines


def _short(title: object) -> str:
    return shorten(safe(str(title)).strip(), _MAX_TITLE)


# -- labels and events -------------------------------------------------------------------------------------


def _labels(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    written = counted(values["written"], "new label")
    lines = [Content.assemble((written, STRONG), f", {values['validation']:,} of them for validation.")]
    if values["repeated"]:
        lines.append(Content(f"{counted(values['repeated'], 'was', 'were')} imported before."))
    if values["shared_queries"]:
        queries = counted(values["shared_queries"], "query has", "queries have")
        lines.append(_warning(f"{queries} labels for training and for validation in this file."))
    return [*lines, *_skipped(values, dry=dry)]


def _events(values: Mapping[str, Any]) -> list[Content]:
    known = f"; {counted(values['known'], 'was', 'were')} imported before."
    lines = [Content.assemble((counted(values["events"], "new event"), STRONG), known)]
    if values["validation"] or values["audits"]:
        validation = counted(values["validation"], "validation query", "validation queries")
        lines.append(Content(f"They bring {validation} and {counted(values['audits'], 'audited one')}."))
    if values["judging"]:
        decisions = counted(values["judging"], "decision made for training is", "decisions made for training are")
        lines.append(_warning(f"{decisions} for validation here."))
    if values["left"]:
        queries = counted(values["left"], "validation query of it is", "validation queries of it are")
        lines.append(_warning(f"{queries} used for training here, and will stay so."))
    return lines


# -- both --------------------------------------------------------------------------------------------------


def _skipped(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    """The rows that were skipped, by reason; nothing where there are none."""
    rejected = values.get("rejected", {})
    if not rejected:
        return []
    reasons = ", ".join(f"{count:,} {safe(reason)}" for reason, count in rejected.items())
    skipped = f"{counted(sum(rejected.values()), 'row')} skipped: {reasons}."
    where = f" They are listed in {safe(values['rejects_file'])}" if values["rejects_file"] and not dry else ""
    return [_warning(skipped + where)]


def _warning(text: str) -> Content:
    return Content.assemble(("! ", CAREFUL), text)
