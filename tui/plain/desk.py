"""The plain desk: a review session as a dialogue of lines, for screen readers and pipes, with the screen's letters."""

import os
import threading
from collections.abc import Callable
from typing import TextIO

from textual.content import Content

from core.catalog.product import Product
from core.queue.item import Option, Progress, ReviewItem
from core.queue.refit_result import RefitResult
from core.queue.session import ReviewSession
from core.text.safe import safe
from labels.errors import SameskuError
from labels.model import Stream
from labels.wording import counted
from tui.common.words import calibration_summary, why_blind
from tui.errors import WorkerRefusalError
from tui.keymap import Keymap
from tui.plain.decisions import PlainDecisions
from tui.plain.keys import PlainKeys, number
from tui.plain.lists import PlainLists
from tui.plain.practice import PlainPractice
from tui.plain.query import PlainQuery, candidate_line, opinion_line, product_line, progress_line
from tui.review.past_work import undo_summary
from tui.review.query_view import INDEXING, NOT_INDEXED, empty_stream_text
from tui.services.desk import Desk
from tui.shutdown import raise_on_shutdown

#: Cells; a smaller reported width is not reliable.
_MIN_WIDTH = 10


class LineWriter:
    """Writes lines, wrapped at the terminal's width."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, text: str) -> None:
        """Write a text of one or more lines."""
        width = self._width()
        for line in text.split("\n"):
            # Otherwise the terminal would break words at its edge, and a screen reader reads the fragments.
            for part in Content(line).wrap(width) if len(line) * 2 > width >= _MIN_WIDTH else [line]:
                self._out.write(str(part).rstrip() + "\n")

    def flush(self) -> None:
        """Flush the stream."""
        self._out.flush()

    def _width(self) -> int:
        """The terminal's current width in cells; 0 without a terminal."""
        try:
            return os.get_terminal_size(self._out.fileno()).columns if self._out.isatty() else 0
        except OSError:
            return 0


class BackgroundRefits:
    """Refits the matcher on a thread, one refit at a time; decisions made meanwhile cause exactly one more."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._busy = False
        self._pending = False
        self._latest: RefitResult | None = None
        self._failure = ""
        self._reported = ""

    def schedule(self) -> None:
        """Refit, because labels may have changed; returns at once."""
        with self._lock:
            if self._busy:
                self._pending = True
                return
            self._busy = True
        threading.Thread(target=self._run, daemon=True).start()

    def apply(self) -> str:
        """Apply the latest refit to the queue; call it on the desk's thread.

        Returns a failure that the user can fix, once; else an empty string.
        """
        with self._lock:
            latest, self._latest = self._latest, None
            failure = "" if self._failure == self._reported else self._failure
            self._reported = self._failure
        if latest is not None:
            self._desk.apply_refit(latest)
        return failure

    def _run(self) -> None:
        while True:
            found: RefitResult | None = None
            try:
                found, failure = self._desk.refit(), ""
            except WorkerRefusalError as error:
                failure = f"{error.message} {error.hint}".strip()
            except SameskuError:
                failure = ""  # the queue keeps its order, and the worker is restarted automatically
            with self._lock:
                self._latest, self._failure = found or self._latest, failure
                if not self._pending:
                    self._busy = False
                    return
                self._pending = False


_WELCOME = "Each line is a letter, with a number where needed; {help} lists the commands."
_NEWCOMER = "New here? {practice} offers three practice queries, and {guidelines} shows your team's guidelines."
_SAVED = "Everything you decided is saved."
#: Problems of `[keys]` that are printed; `samesku doctor` lists all.
_MAX_PROBLEMS = 3


class PlainDesk(PlainDecisions):
    """A review session as a dialogue of lines."""

    def __init__(self, desk: Desk, say: Callable[[str], None]) -> None:
        self.keymap = Keymap.of(desk.facts.keys)
        super().__init__(desk.review, PlainKeys(self.keymap), say)
        self._desk, self._review = desk, desk.review
        self._refits = BackgroundRefits(desk) if desk.can_refit else None
        self._found: list[Product] = []
        self._calibration = ""
        self._practice: PlainPractice | None = None
        self.commands |= {
            "next": lambda _: self._go_on(),
            "flag": lambda _: self._decide(self._review.flag),
            "comment": self._comment,
            "search": self._search,
            "blind": lambda _: self._blind(),
            "practice": lambda _: self._practise(),
        }
        self.commands |= PlainQuery(desk, self).commands
        self.commands |= PlainLists(desk, self.keys, say, self.show).commands

    def begin(self) -> None:
        """Print the introduction, resume the session, and show its query."""
        self._say_lines(self.keymap.problems[:_MAX_PROBLEMS])
        self.say(self.keys.fill(_WELCOME))
        if self._desk.facts.newcomer:
            self.say(self.keys.fill(_NEWCOMER))
        if self._desk.sitting.resume_notice:
            self.say(safe(self._desk.sitting.resume_notice))
        try:
            self._desk.sitting.resume()
        except SameskuError as error:
            self.say(f"{safe(error.message)} {safe(error.hint)}".strip())
        self.show()
        self.learn()

    def show(self) -> None:
        """Print the query and its candidates, or why there is none."""
        item, progress = self._review.item, self._review.progress()
        if item is None:
            self._say_why_empty(progress)
            return
        self.say(f"\n{progress_line(item, progress)}")
        calibration = (
            "" if item.blind else calibration_summary(self._desk.matcher_summary, one_class=self._desk.has_single_class)
        )
        if calibration and calibration != self._calibration:
            self._calibration = calibration
            self.say(f"The bands are based on: {calibration}. {self._desk.single_class_notice}".rstrip())
        self.say(safe(item.reason))
        self._show_item(item)

    def _say_why_empty(self, progress: Progress) -> None:
        """Print why there is no query, and every way on: a stream that is finished is never a dead end."""
        stream = self._review.stream
        if not self._desk.model:
            self.say(f"\n{'. '.join(NOT_INDEXED)} `samesku index` {INDEXING} {self.keys.fill('{quit} quits.')}")
            return
        title, text = empty_stream_text(stream, progress, self._review.held_by_others())
        here = "" if stream.value in title else f"This is the {stream.value} stream. "
        self.say(f"\n{here}{title}. {text}")
        ways = "{undo} undoes your last answer, {streams} lists the streams, {quit} quits."
        self._say_lines([self.keys.fill(step) for step in (*_next_steps(self._review, progress), ways)])

    def _show_item(self, item: ReviewItem) -> None:
        marks = {"looked up": item.looked_up, "answered": item.answered, "flagged": item.flagged}
        marked = ", ".join(word for word, on in marks.items() if on)
        self.say(f"Query{f' ({marked})' if marked else ''}: {product_line(item.query)}")
        for place, option in enumerate(item.options, 1):
            self.say(f"{place}. {candidate_line(item, option)}")
            for opinion in option.opinions if option.product.ref in item.disputed else ():
                self.say(f"   {opinion_line(opinion)}")
        for name, text in item.comments:
            self.say(f"Comment by {safe(name)}: {safe(text)}")

    def run_line(self, line: str) -> bool:
        """Run a line. Returns False if it quits the desk."""
        failure = self._refits.apply() if self._refits is not None else ""
        if failure:
            self.say(safe(failure))
        try:
            name, argument = self.keys.read(line)
            if name == "quit":
                return self._leave_practice()
            self._desk.renew_lease()  # any command shows that the annotator is active
            if self._practice is not None:
                self._run_practice_command(self._practice, name, argument)
            else:
                self.commands[name](argument)
        except SameskuError as error:
            self.say(f"{safe(error.message)} {safe(error.hint)}".strip())
        return True

    # -- deciding ------------------------------------------------------------------------------------------

    def _accept(self, argument: str, *, stay: bool) -> None:
        if not argument.startswith("/"):
            super()._accept(argument, stay=stay)
            return
        place = number(argument[1:])
        if place is None or not 1 <= place <= len(self._found):
            ways = "Search first: {search} and some words; then {accept} /1 accepts the first that is listed."
            self.say(self.keys.fill(ways))
            return
        product = self._found[place - 1]
        listed = (o for o in self.options if o.product.ref == product.ref)
        option: Option = next(listed, None) or self._review.search_option(product)
        self._decide(lambda: self._review.accept(option, self.options, stay=stay))

    def _decide(self, act: Callable[[], object]) -> None:
        if self._review.item is None:
            self.show()
            return
        before = self._review.item.query.ref
        if not self._desk.renew_lease():
            # The lease may have expired while the annotator was reading.
            self._review.advance()
            self.say("Another annotator has taken that query; here is the next one.")
            self.show()
            return
        try:
            act()
        except SameskuError:
            # The decision is on disk before the next query is claimed.
            if self._review.item is None or self._review.item.query.ref != before:
                self.say("Saved.")
            raise
        self.say(f"Saved. {safe(self._review.take_notice())}".strip())
        self.learn()
        if self._review.item is None or self._review.item.query.ref != before:
            self._found = []
            # Only between two queries, so that a list does not change while it is read.
            self._desk.reload_candidates()
            self._say_news()
            self.show()

    def _say_news(self) -> None:
        if failure := self._desk.take_notice():
            self.say(safe(failure))

    def _turn(self, *, back: bool) -> None:
        action = self._review.redo() if back else self._review.undo()
        if action is None:
            self.say(f"There is nothing to {'redo' if back else 'undo'}.")
            return
        self.learn()
        self.say(
            undo_summary(action.verb, self._desk.past.title(action.query), back=back, redo=self.keys.key_for("redo"))
        )
        if self._review.item is None or self._review.item.query.ref != action.query:
            self.say("Another annotator has it now.")
        self.show()

    def _go_on(self) -> None:
        item = self._review.item
        if item is None:
            if not self._desk.reload_candidates():
                self._review.advance()
            self._say_news()
            self.show()
        elif item.answered or item.looked_up:
            self._review.advance()
            self.show()
        else:
            ways = "Not answered yet: {skip} skips it, {none} rejects all listed candidates, {again} prints it again."
            self.say(self.keys.fill(ways))

    def _comment(self, argument: str) -> None:
        if argument:
            self._decide(lambda: self._review.comment(argument))
        else:
            self.say(self.keys.fill("Write the comment after the {comment}."))

    def learn(self) -> None:
        """Refit the matcher in the background."""
        if self._refits is not None:
            self._refits.schedule()

    # -- looking -------------------------------------------------------------------------------------------

    def _search(self, argument: str) -> None:
        if not argument:
            self.say(self.keys.fill("Write the words to look for after the {search}."))
            return
        self._found = self._desk.search(argument)
        for place, product in enumerate(self._found, 1):
            self.say(f"/{place}. {product_line(product)}")
        ways = "{accept} /1 accepts the first." if self._found else "No product has all of these words."
        self.say(self.keys.fill(ways))

    def _blind(self) -> None:
        item = self._review.item
        if item is not None and item.always_blind:
            self.say(why_blind(item))
            return
        self._review.toggle_blind()
        self.show()

    # -- practice ------------------------------------------------------------------------------------------

    def _practise(self) -> None:
        self._practice = PlainPractice(self._desk, self.keys, self.say)
        self._practice.begin()

    def _run_practice_command(self, practice: PlainPractice, name: str, argument: str) -> None:
        if name in practice.commands:
            practice.commands[name](argument)
        else:
            self.say(self.keys.fill("Not available in the practice; {quit} leaves it."))
        if practice.is_over:
            self._leave_practice()

    def _leave_practice(self) -> bool:
        """Leave the practice. Returns False if there is none, which quits the desk."""
        if self._practice is None:
            return False
        self._practice = None
        self.show()
        return True


def _next_steps(review: ReviewSession, progress: Progress) -> list[str]:
    """Next steps when the stream is empty, most likely first: other streams, and commands of the command line."""
    steps = [
        f"{{streams}} {name} goes on with the {name} stream ({counted(left, 'open query', 'open queries')})."
        for name, left in review.other_streams().items()
    ]
    if 0 < progress.total == progress.done:
        if review.stream is Stream.VALIDATION:
            steps.append("`samesku evaluate` measures the models on these labels.")
        elif not steps:
            steps.append("No other stream has an open query. `samesku retrain` trains the models on the labels.")
    elif progress.done < progress.total:
        steps.append("{next} looks again for released queries.")
    return steps


def run_plain(desk: Desk, stdin: TextIO, stdout: TextIO, notice: str = "") -> None:
    """Run the plain desk until the annotator quits, the input ends, or a signal.

    Raises:
        KeyboardInterrupt: on ctrl+c, after the closing line.
        ShutdownRequested: on SIGHUP or SIGTERM.
    """
    write = LineWriter(stdout)
    try:
        with raise_on_shutdown():
            _converse(PlainDesk(desk, write), stdin, write, notice)
    except SameskuError as error:
        write(f"{safe(error.message)} {safe(error.hint)}".strip())
        return
    except KeyboardInterrupt:
        write(f"\n{_closing_line(desk)}")
        raise
    write(_closing_line(desk))
    write.flush()


def _converse(plain: PlainDesk, stdin: TextIO, write: LineWriter, notice: str) -> None:
    if notice:
        write(safe(notice))
    plain.begin()
    write.flush()
    for line in stdin:
        going_on = plain.run_line(line)
        write.flush()
        if not going_on:
            return


def _closing_line(desk: Desk) -> str:
    """A confirmation that every decision is saved, or the error if the ledger is missing."""
    try:
        desk.require_ledger()
    except SameskuError as error:
        return f"{safe(error.message)} {safe(error.hint)}".strip()
    return _SAVED
