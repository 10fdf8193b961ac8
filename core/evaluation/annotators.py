"""Statistics per annotator: volume, abstentions, speed, accuracy, and accuracy by hour of the session."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from core.splits.annotator_accuracy import accuracy_by_adjudication, accuracy_by_hour
from core.stats.wilson import Precision, wilson
from labels.activity import ActivityCount
from labels.annotations import Annotation

#: A longer gap between two decisions ends a work session, in seconds.
SESSION_GAP_S = 5 * 60
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class WorkSession:
    """A stretch of work without a long gap.

    Attributes:
        begin: start of the first look, in seconds since the epoch.
        end: time of the last decision, likewise.
        actions: actions with their times, oldest first.
    """

    begin: float
    end: float
    actions: tuple[tuple[str, float], ...]

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.end - self.begin

    def hours(self) -> dict[str, int]:
        """Hour of the session of each action, from 1."""
        return {action: int((at - self.begin) // _HOUR_S) + 1 for action, at in self.actions}


def work_sessions(annotations: Iterable[Annotation]) -> list[WorkSession]:
    """The work sessions of one annotator, oldest first.

    Args:
        annotations: decisions of one annotator; imported ones are ignored.
    """
    # One keystroke may decide ten pairs: it is one action with one look.
    actions = {each.action: (each.at, each.look_ms or 0) for each in annotations if not each.imported}
    sessions: list[list[tuple[str, float, int]]] = []
    for action, (at, look_ms) in sorted(actions.items(), key=lambda entry: entry[1][0]):
        if not sessions or at - sessions[-1][-1][1] > SESSION_GAP_S:
            sessions.append([])
        sessions[-1].append((action, at, look_ms))
    return [_session(each) for each in sessions]


def _session(actions: list[tuple[str, float, int]]) -> WorkSession:
    _, first, look_ms = actions[0]
    # A look that is longer than the gap was idle time.
    begin = first - min(look_ms / 1000, SESSION_GAP_S)
    return WorkSession(begin, actions[-1][1], tuple((action, at) for action, at, _ in actions))


@dataclass(frozen=True, slots=True)
class AnnotatorStats:
    """Statistics of one annotator: of current decisions, but accuracy of first answers.

    Attributes:
        explicit: decisions on the pair itself; the others are implied by accepting another candidate.
        unsure: abstentions among the explicit decisions.
        imported: decisions from a file.
        truth: accuracy of explicit decisions on adjudicated pairs.
        look_ms: median time before a keystroke, in milliseconds; None without decisions at the desk.
        at_desk: explicit decisions made at the desk.
        queries: queries with a decision, abstentions included.
        matched: queries with a match.
        desk_queries: queries with a decision at the desk.
        acts: counts of actions at the desk, and of undone ones.
        sessions: number of work sessions; a gap of more than five minutes ends one.
        active_hours: total duration of the sessions.
        by_hour: accuracy by hour of the session, from 1: against the adjudication, otherwise against the majority of
            the other annotators of the pair.
    """

    name: str
    decisions: int
    explicit: int
    unsure: int
    imported: int
    truth: Precision
    look_ms: float | None
    at_desk: int
    queries: int
    matched: int
    desk_queries: int
    acts: ActivityCount
    sessions: int
    active_hours: float
    by_hour: dict[int, Precision]

    @property
    def per_hour(self) -> float | None:
        """Explicit decisions at the desk per active hour; None for less than a minute of work."""
        return self._pace(self.at_desk)

    @property
    def queries_per_hour(self) -> float | None:
        """Queries at the desk per active hour; None for less than a minute of work."""
        return self._pace(self.desk_queries)

    def _pace(self, count: int) -> float | None:
        return count / self.active_hours if self.active_hours * 60 >= 1 else None

    def as_dict(self) -> dict[str, object]:
        """The figures by name, for JSON; None for what is undefined."""
        return {
            "name": self.name,
            "decisions": self.decisions,
            "imported": self.imported,
            "explicit": {"decisions": self.explicit, "share": _share(self.explicit, self.decisions)},
            "unsure": {"decisions": self.unsure, "share": _share(self.unsure, self.explicit)},
            "queries": self.queries,
            "matched": {"queries": self.matched, "share": _share(self.matched, self.queries)},
            "undone": {"acts": self.acts.undone, "share": _share(self.acts.undone, self.acts.done)},
            "truth": _as_dict(self.truth),
            "look_ms": self.look_ms,
            "sittings": self.sessions,
            "active_hours": self.active_hours,
            "decisions_per_hour": self.per_hour,
            "queries_per_hour": self.queries_per_hour,
            "by_hour": [{"hour": hour, **_as_dict(each)} for hour, each in self.by_hour.items()],
        }


def annotator_stats(
    annotations: Sequence[Annotation],
    acts: Mapping[str, ActivityCount] | None = None,
    first: Sequence[Annotation] | None = None,
) -> list[AnnotatorStats]:
    """Statistics of all annotators, sorted by name.

    Args:
        annotations: current decisions, oldest first.
        acts: counts of actions per annotator, if known.
        first: first answers (`labels.first_answers`); None for the current decisions.
    """
    acts = acts or {}
    first = annotations if first is None else first
    truth = accuracy_by_adjudication(annotations, first)
    own: dict[str, list[Annotation]] = {}
    for each in annotations:
        own.setdefault(each.annotator, []).append(each)
    return [
        _stats_of(name, own[name], annotations, first, truth.get(name, wilson(0, 0)), acts.get(name, ActivityCount()))
        for name in sorted(own, key=str.casefold)
    ]


def _stats_of(
    name: str,
    own: Sequence[Annotation],
    annotations: Sequence[Annotation],
    first: Sequence[Annotation],
    truth: Precision,
    acts: ActivityCount,
) -> AnnotatorStats:
    sessions = work_sessions(own)
    # Answers that were changed later are part of a session, too.
    all_sessions = work_sessions([*own, *(each for each in first if each.annotator == name)])
    looks = {each.action: each.look_ms for each in own if each.look_ms is not None}
    hours = {action: hour for session in all_sessions for action, hour in session.hours().items()}
    return AnnotatorStats(
        name=name,
        decisions=len(own),
        explicit=sum(each.explicit for each in own),
        unsure=sum(each.explicit and each.match is None for each in own),
        imported=sum(each.imported for each in own),
        truth=truth,
        look_ms=float(median(looks.values())) if looks else None,
        at_desk=sum(each.explicit and not each.imported for each in own),
        queries=len({each.pair.query for each in own}),
        matched=len({each.pair.query for each in own if each.match}),
        desk_queries=len({each.pair.query for each in own if not each.imported}),
        acts=acts,
        sessions=len(sessions),
        active_hours=sum(each.seconds for each in sessions) / _HOUR_S,
        by_hour=accuracy_by_hour(annotations, first, hours),
    )


def _share(count: int, total: int) -> float | None:
    return count / total if total else None


def _as_dict(found: Precision) -> dict[str, object]:
    """Counts, share and interval; share and interval are None if nothing was checked."""
    checked = found.labels > 0
    return {
        "agreed": found.right,
        "checked": found.labels,
        "share": _share(found.right, found.labels),
        "low": found.low if checked else None,
        "high": found.high if checked else None,
    }
