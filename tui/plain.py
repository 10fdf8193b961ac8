"""The desk as lines of text, for screen readers and bad lines: `samesku review --plain`.

It drives the same sitting as the screen, with the same letters; every letter is followed by Enter.
"""

from collections.abc import Callable, Sequence
from typing import TextIO

from core.catalog.product import Product
from core.queue.item import Option
from core.text.safe import safe
from labels.errors import SameskuError
from tui.past import turned
from tui.plain_lists import PlainLists
from tui.plain_words import HELP, candidate_line, opinion_line, product_line
from tui.ports.desk import Desk
from tui.ports.review import Review
from tui.refits import Refits
from tui.widgets.empty import why_nothing_left
from tui.words import (
    adding_up,
    place,
    product_fields,
    stands_on,
    titled,
)


class PlainDesk:
    """One sitting as a dialogue of lines.

    Args:
        search: looks products up in the whole catalogue; without it `/` is not offered.
        desk: what is behind the sitting; without it nothing is learnt meanwhile, and `w` knows no reasons.
    """

    def __init__(
        self,
        review: Review,
        stdout: TextIO,
        search: Callable[[str], list[Product]] | None = None,
        desk: Desk | None = None,
    ) -> None:
        self._review = review
        self._desk = desk
        self._refits = Refits(desk) if desk is not None and desk.learns else None
        self._out = stdout
        self._search = search
        self._found: list[Product] = []
        self._keys: dict[str, Callable[[str], None]] = {
            "a": lambda words: self._accept(words, stay=False),
            "A": lambda words: self._accept(words, stay=True),
            "x": self._reject,
            "n": lambda _: self._decide(lambda: self._review.none_match(self._options())),
            "u": lambda words: self._on_option(words, self._review.unsure),
            "s": lambda _: self._decide(self._review.skip),
            "z": lambda _: self._turn(back=False),
            "Z": lambda _: self._turn(back=True),
            "f": lambda _: self._decide(self._review.flag),
            "c": self._comment,
            "d": self._details,
            "w": self._why,
            "g": lambda _: self._guidelines(),
            "/": self._look_up,
            "b": lambda _: self._blind(),
            "p": lambda _: self.show(),
            "?": lambda _: self._say(HELP),
        }
        if desk is not None:
            self._keys |= PlainLists(desk, self._say, self.show).keys

    def show(self) -> None:
        """Print the query and its candidates, or that there is none."""
        item, progress = self._review.item, self._review.progress()
        if item is None:
            title, text = why_nothing_left(self._review.stream, progress, self._review.elsewhere())
            self._say(f"\n{title}. {text} z takes back your last answer, q leaves.")
            return
        left = progress.total - progress.done
        self._say(
            f"\n{item.stream.value}: {progress.done} of {progress.total} done, {left} left, {progress.mine} yours."
        )
        if self._desk is not None and not item.blind:
            self._say(f"The bands rest on: {stands_on(self._desk.standing)}.")
        self._say(item.reason)
        marks = [
            word
            for word, on in (("looked up", item.looked_up), ("answered", item.answered), ("flagged", item.flagged))
            if on
        ]
        self._say(f"Query{' (' + ', '.join(marks) + ')' if marks else ''}: {product_line(item.query)}")
        for number, option in enumerate(item.options, 1):
            self._say(f"{number}. {candidate_line(item, option)}")
            for opinion in option.opinions if option.product.ref in item.disputed else ():
                self._say(f"   {opinion_line(opinion)}")
        for name, text in item.comments:
            self._say(f"Comment by {safe(name)}: {safe(text)}")

    def obey(self, line: str) -> bool:
        """Do what a line says. Returns False where it says to leave."""
        trouble = self._refits.take() if self._refits is not None else ""
        if trouble:
            self._say(safe(trouble))
        line = line.strip()
        key, words = line[:1], line[1:].strip()
        if key == "q" and not words:
            return False
        try:
            if not key:
                self._go_on()
            elif key in self._keys:
                self._keys[key](words)
            else:
                self._say("No such key; ? lists them.")
        except SameskuError as error:
            self._say(f"{safe(error.message)} {safe(error.hint)}".strip())
        return True

    # -- deciding ------------------------------------------------------------------------------------------

    def _accept(self, words: str, *, stay: bool) -> None:
        def accept(option: Option) -> None:
            self._review.accept(option, self._options(), stay=stay)

        if words.startswith("/"):
            number = _number(words[1:])
            if number is None or not 1 <= number <= len(self._found):
                self._say("Search first: / and some words; then a /1 accepts the first that is listed.")
                return
            product = self._found[number - 1]
            listed = (o for o in self._options() if o.product.ref == product.ref)
            option = next(listed, None) or self._review.found(product)
            self._decide(lambda: accept(option))
        else:
            self._on_option(words, accept)

    def _reject(self, words: str) -> None:
        self._on_option(words, self._review.reject)

    def _on_option(self, words: str, act: Callable[[Option], object]) -> None:
        number, options = _number(words), self._options()
        if number is None or not 1 <= number <= len(options):
            self._say(f"Say which: a number from 1 to {len(options)}." if options else "There are no candidates.")
            return
        self._decide(lambda: act(options[number - 1]))

    def _decide(self, act: Callable[[], object]) -> None:
        if self._review.item is None:
            self._say("There is no query.")
            return
        before = self._review.item.query.ref
        if self._desk is not None and not self._desk.keep_claim():
            # Whoever reads long may have been taken for away.
            self._review.advance()
            self._say("Somebody else took that query meanwhile; here is the next one.")
            self.show()
            return
        act()
        self._say("Saved.")
        self.learn()
        if self._review.item is None or self._review.item.query.ref != before:
            self._found = []
            self.show()

    def _turn(self, *, back: bool) -> None:
        action = self._review.redo() if back else self._review.undo()
        if action is None:
            self._say(f"There is nothing to {'bring' if back else 'take'} back.")
            return
        self.learn()
        title = self._desk.past.title(action.query) if self._desk is not None else action.query.id
        self._say(turned(action.verb, title, back=back))
        self.show()

    def _go_on(self) -> None:
        item = self._review.item
        if item is None or item.answered or item.looked_up:
            self._review.advance()
        self.show()

    def _comment(self, words: str) -> None:
        if words:
            self._decide(lambda: self._review.comment(words))
        else:
            self._say("Write the comment after the c.")

    # -- looking -------------------------------------------------------------------------------------------

    def _details(self, words: str) -> None:
        item, number, options = self._review.item, _number(words), self._options()
        if item is None:
            return
        product = item.query if not words else None
        if number is not None and 1 <= number <= len(options):
            product = options[number - 1].product
        if product is None:
            self._say(f"Say which: a number from 1 to {len(options)}.")
            return
        self._say(f"{place(product)}: {titled(product)}")
        for name, value in product_fields(product):
            self._say(f"{name}: {value}")

    def _why(self, words: str) -> None:
        item, number, options = self._review.item, _number(words), self._options()
        if item is None or number is None or not 1 <= number <= len(options):
            self._say(f"Say which: a number from 1 to {len(options)}." if options else "There are no candidates.")
            return
        if item.blind:
            self._say("Scores are hidden while you decide blind.")
        elif self._desk is None:
            self._say("There is no engine to ask for reasons.")
        else:
            reasons = self._desk.reasons(item.query, options[number - 1].product)
            for reason in (*reasons.pros, *reasons.cons):
                self._say(f"{reason.direction.value.capitalize()}, {abs(reason.contribution):.1f}: {safe(reason.text)}")
            self._say(adding_up(reasons))

    def _guidelines(self) -> None:
        if self._desk is None:
            self._say("There are no guidelines here.")
            return
        for line in self._desk.guidelines.read().text.splitlines():
            self._say(line)

    def learn(self) -> None:
        """Have the matcher refitted beside the reading."""
        if self._refits is not None:
            self._refits.due()

    def _look_up(self, words: str) -> None:
        if self._search is None or not words:
            self._say("Write the words to look for after the /." if self._search else "There is no search here.")
            return
        self._found = self._search(words)
        if not self._found:
            self._say("Nothing has all of these words.")
        for number, product in enumerate(self._found, 1):
            self._say(f"/{number}. {product_line(product)}")

    def _blind(self) -> None:
        self._review.toggle_blind()
        self.show()

    def _options(self) -> Sequence[Option]:
        return self._review.item.options if self._review.item else ()

    def _say(self, text: str) -> None:
        self._out.write(text + "\n")


def run_plain(
    session: Review,
    stdin: TextIO,
    stdout: TextIO,
    *,
    search: Callable[[str], list[Product]] | None = None,
    desk: Desk | None = None,
) -> None:
    """Review by lines until `q` or the end of the input."""
    plain = PlainDesk(session, stdout, search, desk)
    stdout.write("Each line is a key, and a number where one is needed; ? lists the keys.\n")
    if desk is not None and desk.facts.newcomer:
        stdout.write("New here? g reads out what your team calls the same product, and z takes an answer back.\n")
    try:
        if desk is None:
            session.advance()
        else:
            stdout.write(f"{safe(desk.sitting.news)}\n" if desk.sitting.news else "")
            desk.sitting.resume()
    except SameskuError as error:
        stdout.write(f"{safe(error.message)} {safe(error.hint)}\n")
        return
    plain.show()
    plain.learn()
    stdout.flush()
    for line in stdin:
        going_on = plain.obey(line)
        stdout.flush()
        if not going_on:
            return


def _number(words: str) -> int | None:
    return int(words) if words.isascii() and words.isdigit() else None
