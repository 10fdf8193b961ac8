"""The left side of the models screen: the list of encoders, and the facts of the highlighted one."""

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.evaluation.comparison import RANKING_NAMES, Figure
from core.evaluation.model_overview import EncoderEntry, Overview, RetrievalRecord
from core.retrieval.encoder_identity import Prefixes
from core.retrieval.encoder_registry import ModelCard
from core.text.safe import safe
from core.training.recipes.dotted import flat
from labels.wording import counted, evaluation_set
from tui.common.figures import METRICS, measured
from tui.common.lists import Lines
from tui.common.text import Heading
from tui.common.words import moment_of
from tui.theme import CAREFUL, GOOD, MUTED, STRONG


class EncodersPane(Vertical):
    """A list with two lines for each encoder, and facts that scroll."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._overview: Overview | None = None
        self._highlighted = 0

    def compose(self) -> ComposeResult:
        """List, name, facts."""
        with VerticalScroll(id="encoder-list", can_focus=False):
            yield Static(id="encoder-lines", markup=False)
        yield Heading(id="encoder-name")
        yield Lines(id="encoder-facts")

    @property
    def current(self) -> EncoderEntry | None:
        """The highlighted encoder; the champion at first."""
        encoders = self._overview.encoders if self._overview else ()
        return encoders[self._highlighted] if encoders else None

    def show(self, overview: Overview) -> None:
        """Show the encoders."""
        self._overview = overview
        self._draw()

    def show_error(self, text: str) -> None:
        """Show why there is nothing to show."""
        self.query_one("#encoder-lines", Static).update(Content.styled(safe(text), CAREFUL))

    def move(self, step: int) -> bool:
        """Highlight a neighbour; False where there is none."""
        count = len(self._overview.encoders) if self._overview else 0
        target = max(0, min(self._highlighted + step, count - 1))
        moved, self._highlighted = target != self._highlighted, target
        if moved:
            self._draw()
        return moved

    def _draw(self) -> None:
        overview, current = self._overview, self.current
        if overview is None:
            return
        pane = self.query_one("#encoder-list")
        width = max(10, pane.scrollable_content_region.width)
        self.query_one("#encoder-lines", Static).update(encoder_list(overview, current, width))
        pane.scroll_to(y=max(0, 2 * self._highlighted - 2), animate=False)
        name = safe(current.id) if current else "No encoder yet"
        self.query_one("#encoder-name", Heading).show((1, Content.styled(name, MUTED)))
        self.query_one("#encoder-facts", Lines).show(lambda width: encoder_facts(current, overview, width))

    def on_resize(self) -> None:
        """Draw the list for the new width."""
        self.call_after_refresh(self._draw)


def encoder_list(overview: Overview, current: EncoderEntry | None, width: int) -> Content:
    """Two lines for each encoder: its name, and its own retrieval metrics."""
    rows = [row for each in overview.encoders for row in _rows(each, width, cursor=each is current)]
    rows += [line for text in overview.damaged for line in Content.styled(safe(text), CAREFUL).wrap(width)]
    return Content("\n").join(rows)


def _rows(listed: EncoderEntry, width: int, *, cursor: bool) -> list[Content]:
    bar = ("▌", "$accent") if cursor else " "
    name = Content.assemble(
        bar, ("●", GOOD) if listed.is_champion else " ", " ", (safe(listed.id), STRONG if cursor else ""),
        ("  champion", GOOD) if listed.is_champion else "",
    )  # fmt: skip
    evaluated_on = Content.styled(safe(evaluation_set(listed.record.judged_on)) if listed.record else "", MUTED)
    # Where there is no room for both, the set stands among the facts only.
    if name.cell_length + evaluated_on.cell_length + 3 <= width:
        name = name.truncate(width - evaluated_on.cell_length - 1, pad=True) + evaluated_on
    rows = [name, Content.assemble(bar, "   ", (_summary(listed), MUTED))]
    padded = [row.truncate(width, ellipsis=True, pad=True) for row in rows]
    return [row.stylize_before("on $primary 20%") for row in padded] if cursor else padded


def _summary(listed: EncoderEntry) -> str:
    metrics = listed.record.alone if listed.record else {}
    figures = [f"{METRICS[name]} {_figure(metrics, name)}" for name in ("hit@1", "mrr@10") if name in metrics]
    return "  ".join(figures) or ("untuned, not evaluated yet" if listed.card is None else "not evaluated")


# -- facts -------------------------------------------------------------------------------------------------

#: Cells of the names of facts.
_NAME = 12


def encoder_facts(listed: EncoderEntry | None, overview: Overview, width: int) -> list[Content]:
    """Origin, evaluation, promotion, metrics and recipe of an encoder."""
    if listed is None:
        return _wrapped("Nothing is indexed yet: `samesku index` finds an encoder and the first candidates.", width)
    lines = _origin(listed.card, width)
    if listed.record is not None:
        lines += _fact("evaluation", _evaluation_set(listed.record), width)
    if listed.promoted is not None:
        lines += _fact("promoted", f"{moment_of(listed.promoted.at)}: {listed.promoted.why}", width)
    if listed.is_champion:
        lines += _fact("queue", _queue(listed, overview), width)
    if listed.record is not None:
        lines += [Content.empty(), *_metrics(listed.record, width)]
    if listed.card is not None:
        values = {name: value for name, value in flat(listed.card.recipe).items() if value not in ("", False, [])}
        recipe = ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in values.items())
        lines += [Content.empty(), *_fact("recipe", recipe or "unknown", width)]
    return lines


def _origin(card: ModelCard | None, width: int) -> list[Content]:
    if card is None:
        return _fact("trained on", "no labels: as published", width)
    # Each match that trains is a triplet with hard negatives.
    labels = ", ".join(
        f"{count:,} {'matches' if name == 'triplets' else name}" for name, count in card.trained_on.items()
    )
    prefixes = Prefixes(card.query_prefix, card.candidate_prefix, card.prefixes_from or "as it was trained")
    return [
        *_fact("created", f"{moment_of(card.created_at)}, from {card.parent}", width),
        *_fact("trained on", labels or card.origin or "unknown", width),
        *(_fact("prefixes", str(prefixes), width) if prefixes.query or prefixes.candidate else ()),
    ]


def _evaluation_set(record: RetrievalRecord) -> str:
    count = f"{counted(record.queries, 'query', 'queries')} of " if record.queries else ""
    return count + (evaluation_set(record.judged_on) or "an unrecorded set")


def _queue(listed: EncoderEntry, overview: Overview) -> str:
    if overview.indexed == listed.id:
        return "ranked by it and by a matcher fitted to it"
    return f"still ranked by {overview.indexed or 'nothing'} until an index run ends"


def _metrics(record: RetrievalRecord, width: int) -> list[Content]:
    """Metrics of the dense and the hybrid ranking."""
    rows = [(METRICS[n], _figure(record.alone, n), _figure(record.fused, n)) for n in METRICS if n in record.alone]
    dense, hybrid = RANKING_NAMES["encoder"], RANKING_NAMES["fused"]
    column = max(len(text) for text in (dense, *(figure for _, figure, _ in rows))) + 2
    lines = [Content.styled(f"{'':<{_NAME}}{dense:<{column}}{hybrid}", MUTED)]
    lines += [
        Content.assemble((name.ljust(_NAME), MUTED), of_dense.ljust(column), of_hybrid)
        for name, of_dense, of_hybrid in rows
    ]
    return [line.truncate(width, ellipsis=True) for line in lines]


def _figure(figures: dict[str, Figure], name: str) -> str:
    return measured(figures[name].value, figures[name].interval) if name in figures else ""


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fact(name: str, text: str, width: int) -> list[Content]:
    first, *rest = _wrapped(text, width - _NAME)
    return [Content.styled(name.ljust(_NAME), MUTED) + first, *(Content(" " * _NAME) + line for line in rest)]


def _wrapped(text: str, width: int) -> list[Content]:
    return list(Content(safe(text)).wrap(max(10, width))) or [Content.empty()]
