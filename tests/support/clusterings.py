"""Small clustering problems: links between listings of three sources, and people's decisions."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from core.clustering.constraints import Constraints, constraints_of
from core.clustering.links import LinkGraph, link_graph
from core.clustering.methods import Method, cluster
from labels.consensus import Label, LabelState
from labels.model import Pair, ProductRef, Side, Strength

SOURCES = ("amazon", "target", "walmart")


def listing(name: str) -> ProductRef:
    """`w1` is listing 1 of Walmart."""
    return ProductRef(next(source for source in SOURCES if source[0] == name[0]), name[1:])


def label(one: str, other: str, *, match: bool, state: LabelState = LabelState.AGREED) -> Label:
    """A person's decision."""
    return Label(Pair(listing(one), listing(other)), match, Strength.EXPLICIT, Side.TRAIN, state)


@dataclass(frozen=True)
class Problem:
    """Listings, the probability of some pairs, GTINs, and decisions."""

    listings: list[ProductRef]
    scored: list[tuple[ProductRef, ProductRef, float]]
    labels: list[Label] = field(default_factory=list)
    gtins: dict[ProductRef, str] = field(default_factory=dict)

    @property
    def graph(self) -> LinkGraph:
        """The links."""
        return link_graph(self.listings, self.scored, self.gtins)

    @property
    def constraints(self) -> Constraints:
        """What the decisions ask for."""
        return constraints_of(self.graph.listings, self.labels)

    def groups(self, method: Method, threshold: float = 0.5) -> list[set[ProductRef]]:
        """The groups, by their first listing."""
        graph = self.graph
        found: dict[int, set[ProductRef]] = {}
        for ref, group in zip(graph.listings, cluster(graph, self.constraints, method, threshold), strict=True):
            found.setdefault(int(group), set()).add(ref)
        return [found[number] for number in range(len(found))]


def problem(names: str, links: dict[str, float], *labels: Label, gtins: dict[str, str] | None = None) -> Problem:
    """A problem in short: the names of the listings, `w1-a1` → probability, decisions."""
    pairs = [(*map(listing, pair.split("-")), probability) for pair, probability in links.items()]
    return Problem(
        [listing(name) for name in names.split()],
        [(one, other, probability) for one, other, probability in pairs],
        list(labels),
        {listing(name): code for name, code in (gtins or {}).items()},
    )


def named(groups: list[set[ProductRef]]) -> list[str]:
    """The groups in short: `a1 w1`."""
    return [" ".join(sorted(ref.source[0] + ref.id for ref in group)) for group in groups]


_LISTINGS = [ProductRef(source, str(number)) for source in SOURCES for number in range(5)]


@st.composite
def problems(draw: st.DrawFn, *, states: tuple[LabelState, ...] = tuple(LabelState)) -> Problem:
    """Any problem of at most fifteen listings."""
    listings = draw(st.lists(st.sampled_from(_LISTINGS), unique=True, min_size=1))
    ref = st.sampled_from(listings)
    pair = st.tuples(ref, ref).filter(lambda each: each[0] != each[1])
    if len(listings) < 2:
        return Problem(listings, [])
    value = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.6, 0.8, 0.9, 1.0]) | st.floats(0, 1)
    scored = draw(st.dictionaries(pair, value, max_size=40))
    decided = draw(st.dictionaries(pair.map(lambda each: Pair(*sorted(each))), st.booleans(), max_size=8))
    labels = [
        Label(each, match, Strength.EXPLICIT, Side.TRAIN, draw(st.sampled_from(states)))
        for each, match in decided.items()
    ]
    gtins = draw(st.dictionaries(ref, st.sampled_from(["1", "2"]), max_size=4))
    return Problem(listings, [(one, other, value) for (one, other), value in scored.items()], labels, gtins)
