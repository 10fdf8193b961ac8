"""Listings as the plain desk reads them out."""

from core.catalog.product import Product
from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from tui.words import DECISION_WORDS, decision_words, percent, place, price, similarity


def product_line(product: Product) -> str:
    """A listing in one line, its place last."""
    facts = [safe(product.title), safe(product.brand), safe(product.model)]
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
