"""A judge that says what a test tells it to, when a test lets it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from core.catalog.product import Product
from core.judge.verdict import Answer, Verdict
from labels.model import ProductRef
from tui.errors import WorkerError
from tui.ports import JudgeOpinion

REASONING = """\
Similarities:
- brand WD in both
- 1TB in both
Differences:
- the query lacks '2-Year', 'Warranty'
The listings sell the same drive, one of them with a warranty.
**Verdict:** NO MATCH"""


WORTH = "On 205 pairs of the bands medium and low it adds nothing certain to the matcher."


def verdict(answer: Answer | None = Answer.NO_MATCH, probability: float | None = 0.12) -> Verdict:
    """What it says."""
    return Verdict(answer, probability, None, REASONING, "qwen2-tiny, reasoned, prompt 1", 3.2, 412, 60)


class FakeJudge:
    """A `tui.ports.JudgeClient`.

    Attributes:
        pieces: what it says before its verdict.
        before: what it has said of candidates, by id.
        let_go: until this is set, it does not come to an end.
    """

    def __init__(self, trouble: str = "", reasoning: str = REASONING) -> None:
        self.trouble = trouble
        self.answer: Verdict | WorkerError = replace(verdict(), reasoning=reasoning)
        self.pieces: list[str] = [reasoning]
        self.before: dict[str, Verdict] = {}
        self.asked: list[str] = []
        self.let_go = threading.Event()
        self.let_go.set()
        self.stopped = 0
        self.closed = False

    def verdict(self, query: Product, candidate: Product, on_text: Callable[[str], None]) -> JudgeOpinion:
        """As the port says."""
        self.asked.append(candidate.id)
        for piece in self.pieces:
            on_text(piece)
        self.let_go.wait(60)
        if self.stopped:
            raise WorkerError("The judge was stopped.")
        if isinstance(self.answer, WorkerError):
            raise self.answer
        return JudgeOpinion(self.answer, WORTH)

    def known_verdicts(self, query: ProductRef, candidates: Sequence[ProductRef]) -> dict[ProductRef, Verdict]:
        """As the port says."""
        return {ref: self.before[ref.id] for ref in candidates if ref.id in self.before}

    def stop(self) -> None:
        """As the port says."""
        self.stopped += 1
        self.let_go.set()

    def close(self) -> None:
        """As the port says."""
        self.closed = True
        self.let_go.set()
