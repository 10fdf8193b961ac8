"""What titles state, as statements: quantities, pack counts, colours, kinds, generations, condition."""

from collections.abc import Callable

from core.match.fact import Fact, compared, cut
from core.text.packs import pack_count
from core.text.quantities import Quantity, quantities, same
from core.text.vocabulary import Vocabulary


def _colours(vocabulary: Vocabulary, one: str, other: str) -> list[Fact]:
    return compared("colour", vocabulary.colours(one), vocabulary.colours(other))


def _kinds(vocabulary: Vocabulary, one: str, other: str) -> list[Fact]:
    return compared("kind of part", vocabulary.kinds(one), vocabulary.kinds(other))


def _generations(vocabulary: Vocabulary, one: str, other: str) -> list[Fact]:
    found = vocabulary.generations(one), vocabulary.generations(other)
    return compared("generation", *found, told="generation {}")


def _quantities(_: Vocabulary, one: str, other: str) -> list[Fact]:
    left, right = quantities(one), quantities(other)
    equal = [(a, b) for a in left for b in right if same(a, b)]
    matched = {quantity for pair in equal for quantity in pair}
    facts = []
    if equal:
        facts.append(Fact(f"{_spelled(*equal[0])} in both", +1))
    for a in left:
        b = next((b for b in right if b.dimension == a.dimension), None)
        if b is None:
            facts.append(Fact(f"{cut(a.text)} only in the query", -1))
        elif not any(same(x, y) for x in left for y in right if x.dimension == a.dimension):
            # A conflict says more than something that one side leaves out.
            facts.insert(len(facts[:1]) if equal else 0, Fact(f"{cut(a.text)} against {cut(b.text)}", -1))
    dimensions = {quantity.dimension for quantity in left}
    facts += [
        Fact(f"{cut(b.text)} only in the candidate", -1)
        for b in right
        if b not in matched and b.dimension not in dimensions
    ]
    if not left and not right:
        return [Fact("neither title states a size or amount")]
    return [*facts, Fact(f"amounts: {_texts(left)} and {_texts(right)}")]


def _spelled(one: Quantity, other: Quantity) -> str:
    """`16 GB`, or `4.1oz (116 g)` where the two write it differently."""
    if one.text.lower().replace(" ", "") == other.text.lower().replace(" ", ""):
        return cut(one.text)
    return f"{cut(one.text)} ({cut(other.text)})"


def _texts(found: tuple[Quantity, ...]) -> str:
    return ", ".join(cut(quantity.text) for quantity in found[:3]) or "unsaid"


def _pack(_: Vocabulary, one: str, other: str) -> list[Fact]:
    left, right = pack_count(one), pack_count(other)
    if left is None and right is None:
        return [Fact("neither title states a number of items")]
    if left is not None and left == right:
        return [Fact(f"pack of {left} in both", +1), Fact(f"pack of {left}")]
    told = [f"pack of {count}" if count else "unsaid" for count in (left, right)]
    if (left or 1) == (right or 1):
        return [Fact(f"number of items: {told[0]} and {told[1]}")]
    return [Fact(f"{told[0] if left else 'no pack'} against {told[1] if right else 'no pack'}", -1),
            Fact(f"number of items: {told[0]} and {told[1]}")]  # fmt: skip


def _condition(vocabulary: Vocabulary, one: str, other: str) -> list[Fact]:
    stated = [vocabulary.condition(title) for title in (one, other)]
    left, right = (condition or "new" for condition in stated)
    facts = []
    if left != right:
        facts.append(Fact(f"{left} against {right}", -1))
    fits = [vocabulary.compatible(title) for title in (one, other)]
    if fits[0] != fits[1]:
        side = "query" if fits[0] else "candidate"
        facts.append(Fact(f"only the {side} fits or replaces another maker's product", -1))
    if not facts:
        facts.append(Fact(f"condition {left} in both", +1, assumed=not any(stated)))
    return [*facts, Fact(f"condition: {left} and {right}")]


#: What is said of two titles, by group, the most telling first.
TITLES: dict[str, Callable[[Vocabulary, str, str], list[Fact]]] = {
    "quantities": _quantities,
    "pack": _pack,
    "colour": _colours,
    "kind": _kinds,
    "generation": _generations,
    "condition": _condition,
}
