"""What stands where a query would, when there is none."""

from collections.abc import Mapping, Sequence

from textual.content import Content

from core.queue.item import Progress
from core.text.safe import safe
from labels.model import Stream
from labels.wording import counted
from tui.keymap import Keymap
from tui.style import KEY, MUTED, STRONG
from tui.words import listed


def nothing_left(
    stream: Stream,
    progress: Progress,
    elsewhere: Mapping[str, int],
    others: Mapping[Stream, int],
    keymap: Keymap,
    *,
    indexed: bool,
) -> Content:
    """Why there is nothing to show, and what to do now.

    Args:
        stream: which.
        progress: how far it is.
        elsewhere: how many of its open queries other people have on their screens, by name.
        others: how many queries wait in the other streams.
        keymap: the keys in force.
        indexed: whether anybody has looked for candidates.
    """
    if not indexed:
        return panel(
            "No candidates yet",
            "The products are here, but nobody has looked for their likely matches.",
            [("samesku index", "finds them. This desk shows them as soon as they are there.")],
        )
    return panel(*why_nothing_left(stream, progress, elsewhere), _ways_on(stream, progress, others, keymap))


def why_nothing_left(stream: Stream, progress: Progress, elsewhere: Mapping[str, int]) -> tuple[str, str]:
    """A headline and a sentence."""
    if stream is Stream.ADJUDICATION:
        others = progress.total - progress.done - sum(elsewhere.values())
        parts = [f"{counted(others, 'waits', 'wait')} for somebody who has no part in it."] if others else []
        if elsewhere:
            parts.append(_on_screens(elsewhere))
        if parts:
            return "Nothing for you to settle", " ".join(parts)
        return "Nothing to settle", "Nobody disagrees about any pair now, and no labels contradict each other."
    if progress.total == 0:
        return f"The {stream.value} stream is empty", {
            Stream.VALIDATION: "No query was drawn for validation.",
            Stream.AUDIT: "The machine is sure of nothing yet. samesku labels audit --draw 200 draws a sample.",
        }.get(stream, "No query has a candidate.")
    if progress.done < progress.total:
        left = progress.total - progress.done
        words = _on_screens(elsewhere) if elsewhere else f"{left:,} came free just now: Enter takes the next."
        return "Nothing left for you now", words
    mine = f", {progress.mine:,} of them by you in this sitting" if progress.mine else ""
    return f"All of {stream.value} is answered", f"{counted(progress.total, 'query', 'queries')}{mine}."


def _on_screens(elsewhere: Mapping[str, int]) -> str:
    """Who has how many."""
    count = sum(elsewhere.values())
    names = [f"{safe(name)} ({many:,})" if len(elsewhere) > 1 else safe(name) for name, many in elsewhere.items()]
    return f"{counted(count, 'query is', 'queries are')} on the screen of {listed(names)}."


def next_steps(stream: Stream, progress: Progress, others: Mapping[Stream, int]) -> list[str]:
    """What to do when a stream has nothing left, the likeliest first, by the names that the menu has for it."""
    steps = []
    if stream is Stream.VALIDATION and 0 < progress.total == progress.done:
        steps.append("Evaluate: measure the models by these answers.")
    other = next(iter(others), None)
    if other is not None:
        wait = counted(others[other], "query waits", "queries wait")
        steps.append(f"Stream: go on with {other.value}, where {wait}.")
    return [*steps, "Retrain: let the models learn from the answers."]


def _ways_on(stream: Stream, progress: Progress, others: Mapping[Stream, int], keymap: Keymap) -> list[tuple[str, str]]:
    ways = [
        ("{next}", "Look again: what others leave comes back."),
        *(("ctrl+p", words) for words in next_steps(stream, progress, others)),
        ("{undo}", "Take back your last answer."),
        ("{quit}", "Leave."),
    ]
    return [(keymap.fill(key), words) for key, words in ways]


def panel(title: str, text: str, ways: Sequence[tuple[str, str]]) -> Content:
    """A headline, a sentence, and the keys that lead on."""
    width = max(len(key) for key, _ in ways)
    lines = [Content.styled(title, STRONG), Content.styled(text, MUTED), Content.empty()]
    lines += [Content.assemble((key.ljust(width), KEY), "  ", words) for key, words in ways]
    return Content("\n").join(lines)
