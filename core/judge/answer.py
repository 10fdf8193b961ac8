"""The answer that a judge learns to give: what is equal, what differs, a conclusion, the verdict."""

from collections.abc import Sequence

from core.judge.case import Case
from core.judge.enclosed import enclosed
from core.judge.prompt import Message, messages
from core.judge.verdict import VERDICT, Answer

#: The most telling statements come first; what follows these costs tokens and says little.
_MOST = 5


def lesson(case: Case, match: bool) -> list[Message]:
    """The whole conversation: the question as it will be asked, and the right answer."""
    return [*messages(case), {"role": "assistant", "content": answer(case, match)}]


def answer(case: Case, match: bool) -> str:
    """The right answer, reasoned from what the evidence finds in the two listings."""
    equal, differs = _said(case.findings.equal), _said(case.findings.differs)
    verdict, reason = (Answer.MATCH, equal) if match else (Answer.NO_MATCH, differs)
    conclusion = "They are the same product" if match else "They are different products"
    because = f": {reason[0]}" if reason else ""
    return "\n".join(
        [
            "Similarities:", *_listed(equal), "", "Differences:", *_listed(differs), "",
            f"Conclusion: {conclusion}{because}.", "", f"{VERDICT} {verdict}",
        ]
    )  # fmt: skip


def _said(found: Sequence[str]) -> list[str]:
    """The statements, which quote the listings, as one line each."""
    return [enclosed(text) for text in found[:_MOST]]


def _listed(lines: Sequence[str]) -> list[str]:
    return [f"- {line}" for line in lines] or ["- none that matter"]
