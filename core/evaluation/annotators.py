"""How each annotator works: how much, how sure, how fast, how often borne out, and whether that fades by the hour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from core.splits.annotator_accuracy import accuracy_by_adjudication, accuracy_by_hour
from core.stats.wilson import Precision, wilson
from labels.activity import ActivityCount
from labels.annotations import Annotation

#: A longer gap between two decisions ends a sitting, in seconds.
PAUSE = 5 * 60
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Sitting:
    """One stretch of work.

    Attributes:
        begin: when the first look began, in seconds since the epoch.
        end: when the last decision fell.
        actions: the acts in it, oldest first, each with its time.
    """

    begin: float
    end: float
    actions: tuple[tuple[str, float], ...]

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.begin

    def hours(self) -> dict[str, int]:
        """In which hour of the sitting each act fell, from 1."""
        return {action: int((at - self.begin) // _HOUR) + 1 for action, at in self.actions}


def sittings(said: Iterable[Annotation]) -> list[Sitting]:
    """One annotator's sittings, oldest first.

    Args:
        said: decisions of one annotator; what came from a file was not worked on here, and is left out.
    """
    # One keystroke may decide on ten pairs: it is one act with one look.
    acts = {each.action: (each.at, each.look_ms or 0) for each in said if not each.imported}
    found: list[list[tuple[str, float, int]]] = []
    for action, (at, look_ms) in sorted(acts.items(), key=lambda act: act[1][0]):
        if not found or at - found[-1][-1][1] > PAUSE:
            found.append([])
        found[-1].append((action, at, look_ms))
    return [_sitting(each) for each in found]


def _sitting(acts: list[tuple[str, float, int]]) -> Sitting:
    _, first, look_ms = acts[0]
    # A look that is longer than a pause was no work: the desk stood open.
    begin = first - min(look_ms / 1000, PAUSE)
    return Sitting(begin, acts[-1][1], tuple((action, at) for action, at, _ in acts))


@dataclass(frozen=True, slots=True)
class Person:
    """One annotator in figures. All are of standing decisions but those on how often they hold: of first answers.

    Attributes:
        explicit: decisions on the very pair; the others follow from accepting another candidate.
        unsure: how many of the explicit ones are abstentions.
        imported: decisions that came from a file.
        truth: how many explicit decisions are as adjudicated, of those on adjudicated pairs.
        look_ms: the median look before a keystroke, in milliseconds; None if nothing was decided at a desk.
        at_desk: explicit decisions that did not come from a file.
        queries: queries that they decided about, abstentions included.
        matched: how many of these they found a match for.
        desk_queries: queries that they decided about at a desk.
        acts: what they did at the desk, and how much of it was taken back.
        sittings: stretches of work; a pause of more than five minutes ends one.
        active_hours: all sittings together.
        by_hour: how many decisions hold, by hour of the sitting, from 1: against the adjudication, else against
            most of the others who decided the pair.
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
    sittings: int
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
            "sittings": self.sittings,
            "active_hours": self.active_hours,
            "decisions_per_hour": self.per_hour,
            "queries_per_hour": self.queries_per_hour,
            "by_hour": [{"hour": hour, **_as_dict(each)} for hour, each in self.by_hour.items()],
        }


def people(
    said: Sequence[Annotation],
    acts: Mapping[str, ActivityCount] | None = None,
    first: Sequence[Annotation] | None = None,
) -> list[Person]:
    """Everybody who decided something, by name.

    Args:
        said: standing decisions, oldest first.
        acts: of each annotator; none where they are not known.
        first: first answers (`labels.first_answers`); those that stand, where they are not known.
    """
    acts = acts or {}
    first = said if first is None else first
    truth = accuracy_by_adjudication(said, first)
    own: dict[str, list[Annotation]] = {}
    for each in said:
        own.setdefault(each.annotator, []).append(each)
    return [
        _person(name, own[name], said, first, truth.get(name, wilson(0, 0)), acts.get(name, ActivityCount()))
        for name in sorted(own, key=str.casefold)
    ]


def _person(
    name: str,
    own: Sequence[Annotation],
    said: Sequence[Annotation],
    first: Sequence[Annotation],
    truth: Precision,
    acts: ActivityCount,
) -> Person:
    worked = sittings(own)
    # Answers that were changed since belong to a sitting, too.
    all_acts = sittings([*own, *(each for each in first if each.annotator == name)])
    looks = {each.action: each.look_ms for each in own if each.look_ms is not None}
    hours = {action: hour for sitting in all_acts for action, hour in sitting.hours().items()}
    return Person(
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
        sittings=len(worked),
        active_hours=sum(each.seconds for each in worked) / 3600,
        by_hour=accuracy_by_hour(said, first, hours),
    )


def _share(some: int, all_: int) -> float | None:
    return some / all_ if all_ else None


def _as_dict(found: Precision) -> dict[str, object]:
    """The counts, the share, and its interval; None for both where nothing was checked."""
    known = found.labels > 0
    return {
        "agreed": found.right,
        "checked": found.labels,
        "share": _share(found.right, found.labels),
        "low": found.low if known else None,
        "high": found.high if known else None,
    }
