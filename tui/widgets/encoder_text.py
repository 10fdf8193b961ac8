"""An encoder in words: its rows in the list, and all that is known of it."""

from textual.content import Content

from core.encode.prefixes import Prefixes
from core.evaluate.comparison import Figure
from core.evaluate.rankings import RANKING_NAMES
from core.registry.card import ModelCard
from core.registry.overview import Listed, Overview, Record
from core.text.safe import safe
from labels.wording import counted
from tui.figures import METRICS, measured
from tui.style import CAREFUL, GOOD, MUTED, STRONG
from tui.words import moment_of

#: Cells of the names of facts.
_LEAD = 12


def encoder_list(overview: Overview, current: Listed | None, width: int) -> Content:
    """Two lines for each encoder: its name, and how well it finds matches by itself."""
    rows = [row for each in overview.encoders for row in _rows(each, width, cursor=each is current)]
    rows += [line for text in overview.damaged for line in Content.styled(safe(text), CAREFUL).wrap(width)]
    return Content("\n").join(rows)


def _rows(listed: Listed, width: int, *, cursor: bool) -> list[Content]:
    bar = ("▌", "$accent") if cursor else " "
    name = Content.assemble(
        bar, ("●", GOOD) if listed.in_use else " ", " ", (safe(listed.id), STRONG if cursor else ""),
        ("  in use", GOOD) if listed.in_use else "",
    )  # fmt: skip
    judged_on = Content.styled(safe(listed.record.judged_on) if listed.record else "", MUTED)
    # Where there is no room for both, the facts tell what it was judged on.
    if name.cell_length + judged_on.cell_length + 3 <= width:
        name = name.truncate(width - judged_on.cell_length - 1, pad=True) + judged_on
    rows = [name, Content.assemble(bar, "   ", (_summary(listed), MUTED))]
    padded = [row.truncate(width, ellipsis=True, pad=True) for row in rows]
    return [row.stylize_before("on $primary 20%") for row in padded] if cursor else padded


def _summary(listed: Listed) -> str:
    alone = listed.record.alone if listed.record else {}
    figures = [f"{METRICS[name]} {_figure(alone, name)}" for name in ("hit@1", "mrr@10") if name in alone]
    return "  ".join(figures) or ("untuned, not judged yet" if listed.card is None else "not judged")


def encoder_facts(listed: Listed | None, overview: Overview, width: int) -> list[Content]:
    """All that is known of one encoder."""
    if listed is None:
        return _wrapped("Nothing is indexed yet: `samesku index` finds an encoder and the first candidates.", width)
    lines = _making(listed.card, width)
    if listed.record is not None:
        lines += _fact("judged on", _judges(listed.record), width)
    if listed.promoted is not None:
        lines += _fact("put in use", f"{moment_of(listed.promoted.at)}: {listed.promoted.why}", width)
    if listed.in_use:
        lines += _fact("the queue", _queue(listed, overview), width)
    if listed.record is not None:
        lines += [Content.empty(), *_metrics(listed.record, width)]
    if listed.card is not None:
        recipe = ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in listed.card.recipe.items())
        lines += [Content.empty(), *_fact("recipe", recipe or "unknown", width)]
    return lines


def _making(card: ModelCard | None, width: int) -> list[Content]:
    if card is None:
        return _fact("learnt from", "no label: it is as it was published", width)
    # Each match that is learnt from is a triplet with products that are none.
    taught = ", ".join(
        f"{count:,} {'matches' if name == 'triplets' else name}" for name, count in card.trained_on.items()
    )
    prefixes = Prefixes(card.query_prefix, card.candidate_prefix, card.prefixes_from or "as it was trained")
    return [
        *_fact("made", f"{moment_of(card.created_at)}, from {card.parent}", width),
        *_fact("learnt from", taught or "unknown", width),
        *(_fact("prefixes", str(prefixes), width) if prefixes.query or prefixes.candidate else ()),
    ]


def _judges(record: Record) -> str:
    count = f"{counted(record.queries, 'query', 'queries')} of " if record.queries else ""
    return count + (record.judged_on or "a set that nobody wrote down")


def _queue(listed: Listed, overview: Overview) -> str:
    if overview.indexed == listed.id:
        return "is ranked by it, and by a matcher that was fitted to it"
    return f"is still ranked by {overview.indexed or 'nothing'}, until an index run has ended"


def _metrics(record: Record, width: int) -> list[Content]:
    """Figures of the encoder alone, and fused with the lexical retriever."""
    rows = [(METRICS[n], _figure(record.alone, n), _figure(record.fused, n)) for n in METRICS if n in record.alone]
    column = max(len(text) for _, alone, _ in [("", "", ""), *rows] for text in (alone, RANKING_NAMES["encoder"])) + 2
    lines = [Content.styled(f"{'':<{_LEAD}}{RANKING_NAMES['encoder']:<{column}}{RANKING_NAMES['fused']}", MUTED)]
    lines += [Content.assemble((name.ljust(_LEAD), MUTED), alone.ljust(column), fused) for name, alone, fused in rows]
    return [line.truncate(width, ellipsis=True) for line in lines]


def _figure(figures: dict[str, Figure], name: str) -> str:
    return measured(figures[name].value, figures[name].interval) if name in figures else ""


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fact(name: str, text: str, width: int) -> list[Content]:
    first, *rest = _wrapped(text, width - _LEAD)
    return [Content.styled(name.ljust(_LEAD), MUTED) + first, *(Content(" " * _LEAD) + line for line in rest)]


def _wrapped(text: str, width: int) -> list[Content]:
    return list(Content(safe(text)).wrap(max(10, width))) or [Content.empty()]
