"""Model cards as Markdown, written as README.md beside the weights.

Names, templates and prefixes may come from a catalogue or a downloaded model. They are written as code spans, in which
Markdown has no markup, no links and no HTML.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.retrieval.encoder_identity import Prefixes
from core.text.safe import safe
from labels.wording import evaluation_set

if TYPE_CHECKING:
    from core.retrieval.encoder_registry import ModelCard, Promotion

#: Name of the page in a model's folder.
README = "README.md"

#: Characters of a value.
_MAX_CHARS = 500
#: A name that has no meaning in Markdown.
_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ,_-]*[A-Za-z0-9])?")


def inert(value: object) -> str:
    """A value as a code span on one line; empty if there is nothing to show."""
    text = " ".join(safe(_text(value)).split()).replace("`", "'").replace("|", "/")
    shown = f"{text[:_MAX_CHARS]}…" if len(text) > _MAX_CHARS else text
    return f"`{shown}`" if shown else ""


def _label(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else inert(name)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value)


def python_literal(text: str) -> str:
    """A text as a Python string literal of printable ASCII characters."""
    return ascii(text)


def card_page(card: "ModelCard", promotions: Sequence["Promotion"], loading: str) -> str:
    """The model card of a trained encoder as Markdown.

    Args:
        card: of the encoder.
        promotions: all of the workspace; those of this encoder are shown.
        loading: the section on how to load the files, Markdown.
    """
    sections = [
        f"# {inert(card.id)}\n\nAn encoder for product listings. It turns the text of a listing into a vector; the"
        " cosine of two\nvectors says how similar the listings are.",
        _section("Model", _model_facts(card)),
        loading.strip(),
        _section("Recipe", _flat(card.recipe)),
        _section("Training data", _data_facts(card)),
        _metrics(card),
        _section("Decision", _decision_facts(card, promotions)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def loading_section(code: str, prefixes: Prefixes, template: str = "") -> str:
    """The section on how to load an encoder.

    Args:
        code: Python.
        prefixes: of the texts.
        template: of the texts; empty if it is unknown.
    """
    facts = {"text of a product": template, "prefixes": str(prefixes)}
    return f"{_section('How to load it', facts)}\n\n```python\n{code.strip()}\n```"


def _section(title: str, facts: Mapping[str, object]) -> str:
    rows = [f"- {_label(name)}: {inert(value)}" for name, value in facts.items() if value not in ("", None, {}, [], ())]
    return f"## {title}\n\n" + "\n".join(rows) if rows else ""


def _model_facts(card: "ModelCard") -> dict[str, object]:
    return {
        "base": card.base,
        "fine-tuned from": card.parent,
        "created": card.created_at,
        "origin": card.origin,
        "SHA-256 of the weights": card.sha256,
    }


def _data_facts(card: "ModelCard") -> dict[str, object]:
    known = {name.replace("_", " "): value for name, value in card.data.items()}
    hashed = {"SHA-256 of the rows": known.pop("sha256", "")}
    return {**card.trained_on, **hashed, **known}


def _decision_facts(card: "ModelCard", promotions: Sequence["Promotion"]) -> dict[str, object]:
    facts: dict[str, object] = {name: value for name, value in card.decision.items() if name != "ranking"}
    for promotion in promotions:
        if promotion.model == card.id:
            facts[f"champion since {promotion.at}"] = promotion.why
    return facts


def _metrics(card: "ModelCard") -> str:
    if not card.metrics:
        return ""
    rows = []
    for name, value in card.metrics.items():
        interval = card.intervals.get(name)
        ends = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else ""
        rows.append(f"| {_label(name.replace('_', ' '))} | {inert(value)} | {inert(ends)} |")
    source = f"Evaluated on {inert(evaluation_set(card.judged_on))}.\n\n" if card.judged_on else ""
    head = "| metric | value | 95 % interval |\n| --- | --- | --- |\n"
    return f"## Metrics\n\n{source}{head}" + "\n".join(rows)


def _flat(values: Mapping[str, Any]) -> dict[str, object]:
    """Nested values with dotted keys."""
    found: dict[str, object] = {}
    for name, value in values.items():
        inner = {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, Mapping) else {name: value}
        found |= inner
    return found
