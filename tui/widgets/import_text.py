"""What a file would bring, or has brought, in sentences."""

from collections.abc import Mapping
from typing import Any

from textual.content import Content

from core.catalog.gtin_tally import gtin_sentences
from core.text.safe import safe
from labels.wording import counted
from tui.style import CAREFUL, GOOD, MUTED, STRONG
from tui.words import shortened

_INDEX = "Enter starts an index run, which finds the candidates anew; until then the old ones are shown."
#: So many replaced products are named.
_NAMED = 5
_LONGEST_TITLE = 60
_ROLES = {"query": "products to review", "catalog": "products that others may equal"}


def is_news(values: Mapping[str, Any]) -> bool:
    """Whether anything would change."""
    if "added" in values:
        before = values.get("role_before")
        return bool(values["added"] or values["changed"] or values["removed"] or before != values["role"])
    if "written" in values:
        return bool(values["written"])
    return bool(values["events"] or values["validation"] or values["audits"])


def import_text(values: Mapping[str, Any], *, dry: bool) -> Content:
    """The lines for what a verb has answered.

    Args:
        values: of `import products` or `labels import`, as their `--json` gives it.
        dry: whether nothing has happened yet.
    """
    if "added" in values:
        lines = _products(values, dry=dry)
    else:
        lines = _labels(values, dry=dry) if "written" in values else _events(values)
    if not is_news(values):
        lines.insert(0, Content.styled("Nothing in it is new.", STRONG))
    elif not dry:
        lines[0] = Content.assemble(("✓ ", GOOD), lines[0])
        if "added" in values:
            lines.insert(1, Content(_INDEX))
    if dry and is_news(values):
        lines.append(Content.styled("Nothing has been changed yet.", MUTED))
    return Content("\n").join(lines)


def question(values: Mapping[str, Any], annotator: str) -> str:
    """What is asked before it happens."""
    if "added" in values:
        taken = f", and take {counted(values['removed'], 'product')} out" if values["removed"] else ""
        fresh = values["added"] + values["changed"]
        return f"Bring {counted(fresh, 'new or changed product')} into {values['source']}{taken}?"
    if "written" in values:
        of = f" ({annotator}, where the file does not say whose)"
        return f"Bring in {counted(values['written'], 'label')}{of}? A label stays in the ledger for good."
    return f"Bring in {counted(values['events'], 'event')}? An event stays in the ledger for good."


def _products(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    source = safe(values["source"])
    counts = f"{values['added']:,} new, {values['changed']:,} changed, {values['unchanged']:,} as before."
    lines = [Content.assemble((f"{source}: ", STRONG), counts)]
    before = values.get("role_before")
    if before and before != values["role"]:
        lines += _role_change(values, before, dry=dry)
    lines += _rejected(values, dry=dry)
    if values["vanished"]:
        removed = ("would be taken out" if dry else "are taken out") if values["removed"] else "stay"
        lines.append(_careful(f"{counted(values['vanished'], 'product')} that the file does not have {removed}."))
        if values.get("unread"):
            rows = counted(values["unread"], "row")
            lines.append(_careful(f"The ids of {rows} could not be read: some of these products may be in them."))
    lines += _replaced(values, dry=dry)
    pairs = [(safe(field), safe(column)) for field, column in values["columns"].items()]
    columns = ", ".join(field if field == column else f"{field} from {column}" for field, column in pairs)
    remarks = [Content.styled(safe(remark), MUTED) for remark in values.get("remarks", ())]
    return [*lines, *_gtins(values), Content.assemble(("Read as: ", MUTED), columns), *remarks]


def _gtins(values: Mapping[str, Any]) -> list[Content]:
    """How many trade item numbers can be used, and examples of those that cannot."""
    sentences = [safe(sentence) for sentence in gtin_sentences(values["gtins"])]
    return [*(Content(f"{each}.") for each in sentences[:1]), *map(_careful, sentences[1:])]


def _rejected(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    """The rows that were left out; nothing where there are none."""
    rejected = values.get("rejected", {})
    if not rejected:
        return []
    reasons = ", ".join(f"{count:,} {safe(reason)}" for reason, count in rejected.items())
    left = f"{counted(sum(rejected.values()), 'row')} left out: {reasons}."
    where = f" They are listed in {safe(values['rejects_file'])}" if values["rejects_file"] and not dry else ""
    return [_careful(left + where)]


def _role_change(values: Mapping[str, Any], before: str, *, dry: bool) -> list[Content]:
    verb = "would become" if dry else "are now"
    lines = [_careful(f"They were {_ROLES[before]}, and {verb} {_ROLES[values['role']]}.")]
    if values.get("labels_of_role"):
        one, several = "label on them neither trains nor judges", "labels on them neither train nor judge"
        lines.append(_careful(f"{counted(values['labels_of_role'], one, several)} while that is so."))
    return lines


def _replaced(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    """The labelled products that are other articles now, or gone, and what becomes of their labels."""
    replaced = values.get("replaced") or []
    if not replaced:
        return []
    verb = "would be" if dry else "is" if len(replaced) == 1 else "are"
    lines = [_careful(f"{counted(len(replaced), 'labelled product')} {verb} another article or gone:")]
    for each in replaced[:_NAMED]:
        now = "gone" if each["after"] is None else f"now “{_short(each['after'])}”"
        lines.append(Content(f"  {safe(each['id'])}: was “{_short(each['before'])}”, {now}"))
    if len(replaced) > _NAMED:
        lines.append(Content(f"  and {len(replaced) - _NAMED:,} more"))
    labels = counted(values["labels_left_out"], "label on them is", "labels on them are")
    again = values.get("queries_again")
    queries = f"; {counted(again, 'query comes', 'queries come')} first in the queue" if again else ""
    lines.append(Content(f"{labels} left out of training until somebody answers again{queries}."))
    return lines


def _short(title: object) -> str:
    return shortened(safe(str(title)).strip(), _LONGEST_TITLE)


def _labels(values: Mapping[str, Any], *, dry: bool) -> list[Content]:
    written = counted(values["written"], "new label")
    lines = [Content.assemble((written, STRONG), f", {values['validation']:,} of them for validation.")]
    if values["repeated"]:
        lines.append(Content(f"{counted(values['repeated'], 'was', 'were')} known already."))
    if values["shared_queries"]:
        queries = counted(values["shared_queries"], "query", "queries")
        lines.append(_careful(f"{queries} of the file with labels on both sides, to learn from and to judge on."))
    return [*lines, *_rejected(values, dry=dry)]


def _events(values: Mapping[str, Any]) -> list[Content]:
    known = f"; {counted(values['known'], 'was', 'were')} known already."
    lines = [Content.assemble((counted(values["events"], "new event"), STRONG), known)]
    if values["validation"] or values["audits"]:
        validation = counted(values["validation"], "validation query", "validation queries")
        lines.append(Content(f"{validation} and {counted(values['audits'], 'audited one')} come along."))
    if values["judging"]:
        decisions = counted(values["judging"], "decision made for training is", "decisions made for training are")
        lines.append(_careful(f"{decisions} for validation here."))
    if values["left"]:
        train = counted(values["left"], "trains", "train")
        lines.append(_careful(f"Of its validation queries {train} here already, and will go on training."))
    return lines


def _careful(words: str) -> Content:
    return Content.assemble(("! ", CAREFUL), words)
