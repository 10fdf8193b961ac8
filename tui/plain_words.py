"""Listings as the plain desk reads them out."""

from core.catalog.product import Product
from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from labels.model import Strength
from labels.said import Opinion
from tui.past import looked, machine_then, moment
from tui.words import DECISION_WORDS, decision_words, percent, place, price, reminder, similarity, titled

HELP = """\
a 3     the same product: accept candidate 3 and go on
A 3     accept candidate 3 and stay
x 3     not the same: reject candidate 3
n       none of these: reject all that are listed
u 3     unsure about candidate 3; go on
s       skip: put the query off
        (Enter alone goes on from a query that is answered or was looked up)
z, Z    undo, redo
f       flag the query, or take the flag away
c WORDS write a comment on the query
w 3     why: the reasons for and against candidate 3
g       guidelines: what your team calls the same product
h       history: who decided what about the query, and when
d 3     all details of candidate 3; d alone: of the query
/ WORDS search the catalogue; accept what it lists with a /1, a /2 …
o WORDS past work: your queries that hold the words; show what it lists with o /1, o /2 …
F WORDS the same among all that is flagged or commented on
t       trail: what you did last, and what z takes back
S       streams: how far each is; S audit goes there
b       hide the machine's opinion, or show it
p       print the query again
?       these keys
q       leave"""


def product_line(product: Product) -> str:
    """A listing in one line, its place last."""
    facts = [reminder(titled(product)), safe(product.brand), safe(product.model)]
    if product.price is not None:
        facts.append(price(product))
    return "; ".join(fact for fact in facts if fact.strip()) + f" ({place(product)})"


def candidate_line(item: ReviewItem, option: Option) -> str:
    """A candidate in words, the decision first: that is what one listens for."""
    parts = [decision_words(option).capitalize()] if option.decision else []
    if not item.blind:
        if option.similarity is None:
            parts.append("found by search")
        elif option.probability is not None:
            chance = percent(option.probability)
            parts.append(f"probability {chance} {option.band.value}, similarity {similarity(option)}")
        else:
            parts.append(f"similarity {similarity(option)} {option.band.value}")
    parts += [f"{safe(name)} said {DECISION_WORDS[decision]}" for name, decision in option.others]
    return ", ".join([*parts, product_line(option.product)])


def opinion_line(opinion: Opinion) -> str:
    """What somebody said of a disputed candidate, and how they came to it."""
    implied = ", implied" if opinion.strength is Strength.IMPLIED else ""
    machine = machine_then(opinion.shown)
    facts = [moment(opinion.at), looked(opinion.stream, opinion.look_ms, blind=opinion.blind)]
    facts += [f"the machine then: {machine}"] if machine else []
    return f"{safe(opinion.annotator)}: {DECISION_WORDS[opinion.decision]}{implied} ({', '.join(facts)})"
