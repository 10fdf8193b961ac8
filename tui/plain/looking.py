"""What the plain desk tells of the query on the screen besides its candidates."""

from collections.abc import Callable

from core.judge.verdict import Verdict, reason_of
from core.match.bands import percent
from core.text.safe import safe
from tui.plain.deciding import PlainDeciding
from tui.plain.words import comparison_lines
from tui.ports.desk import Desk
from tui.words import adding_up, listings, place, places, product_fields, rests_on, titled


class PlainLooking:
    """Looks and changes nothing.

    Args:
        sheet: knows the candidates by their numbers, and says what is found.

    Attributes:
        commands: what each command does with the words that follow it.
    """

    def __init__(self, desk: Desk, sheet: PlainDeciding) -> None:
        self._desk, self._sheet, self._say = desk, sheet, sheet.say
        self.commands: dict[str, Callable[[str], None]] = {
            "details": self._details,
            "why": self._why,
            "copy": self._copy,
            "guidelines": lambda _: self._guidelines(),
            "judge": self._judge,
        }

    def _details(self, words: str) -> None:
        item = self._sheet.sitting.item
        if item is None:
            self._say("There is no query.")
        elif words:
            option = self._sheet.option(words)
            if option is not None:
                for line in comparison_lines(item.query, option.product, self._desk.brands.same):
                    self._say(line)
        else:
            self._say(f"{place(item.query)}: {titled(item.query)}")
            for name, value in product_fields(item.query):
                self._say(f"{name}: {value}")

    def _why(self, words: str) -> None:
        item, option = self._sheet.sitting.item, self._sheet.option(words)
        if item is None or option is None:
            return
        if item.blind:
            self._say("Scores are hidden while you decide blind.")
            return
        if option.similarity is None:
            self._say("Not among the machine's ten: found by search, or ranked lower since.")
        else:
            one_class = self._desk.one_class
            basis = rests_on(self._desk.standing, one_class=bool(one_class))
            self._say(f"Place: {places(option)}. The bands rest on: {basis}. {one_class}".rstrip())
        if not self._desk.learns:
            self._say("There is no engine to ask for reasons.")
            return
        reasons = self._desk.reasons(item.query, option.product)
        for reason in (*reasons.pros, *reasons.cons):
            self._say(f"{reason.direction.value.capitalize()}, {abs(reason.contribution):.1f}: {safe(reason.text)}")
        self._say(adding_up(reasons))

    def _judge(self, words: str) -> None:
        """What the judge says of a candidate and why, or what it has said of all of them."""
        item, judge = self._sheet.sitting.item, self._desk.judge
        if judge.trouble or (item is not None and item.blind):
            self._say(judge.trouble or "The judge is not heard while you decide blind.")
            return
        option = self._sheet.option(words) if words else None
        if item is None:
            self._say("There is no query.")
        elif option is not None:
            self._say("The judge is asked …")
            counsel = judge.verdict(item.query, option.product, lambda _: None)
            for line in counsel.verdict.reasoning.splitlines():
                self._say(safe(line))
            self._say(f"The judge says: {_told(counsel.verdict)}. {safe(counsel.worth)}")
        elif not words:
            known = judge.known(item.query.ref, [option.product.ref for option in self._sheet.options])
            for number, each in enumerate(self._sheet.options, 1):
                if (verdict := known.get(each.product.ref)) is not None:
                    self._say(f"{number}: {_told(verdict)}")
            if not known:
                self._say("The judge has said nothing of these candidates yet; with a number it is asked about one.")

    def _copy(self, words: str) -> None:
        item = self._sheet.sitting.item
        if item is None:
            self._say("There is no query.")
            return
        option = self._sheet.option(words) if words else None
        if option is not None or not words:
            text = listings(item.query, *([option.product] if option else []))
            self._say(f"Copied to {safe(self._desk.keep_copy(text).name)} in the workspace's reports.")

    def _guidelines(self) -> None:
        for line in self._desk.guidelines.read().text.splitlines():
            self._say(line)


def _told(verdict: Verdict) -> str:
    if verdict.answer is None:
        return safe(reason_of(verdict.reasoning)).rstrip(".") or "no verdict"
    said = verdict.answer.lower()
    chance = "" if verdict.probability is None else f", {percent(verdict.probability)} that it is the same product"
    return said + chance
