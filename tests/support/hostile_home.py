"""A workspace in which a hostile text stands wherever a stranger's text can."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

from hostile import BOOK, HOSTILE, SPACES, some
from samples import c, no_match, q

from core.catalog.product import Product
from core.catalog.store import CatalogStore, ImportRules
from core.workspace import Workspace
from labels.model import ActionDetails, Verb
from labels.store import LabelStore

#: What is read by a program in files of a workspace: identities, moments, kinds.
_READ_BY_PROGRAMS = {
    "id", "parent", "base", "sha256", "created_at", "at", "started_at", "kind", "pid", "born", "arguments", "model",
    "before", "after", "made_at", "rankings", "band", "answer", "query", "candidates", "learner",
    "match", "primary", "role", "role_before", "undefined",
}  # fmt: skip


#: SHA-256 of a catalogue → the file once it is hostile: indexing its texts takes a second.
_spoilt_catalogues: dict[bytes, bytes] = {}


def spoil_catalogue(workspace: Workspace) -> None:
    """Make every product's fields hostile, but for the ids by which all else knows them; add a source of its own."""
    before = sha256(workspace.catalog.read_bytes()).digest()
    if before in _spoilt_catalogues:
        workspace.catalog.write_bytes(_spoilt_catalogues[before])
        return
    with CatalogStore(workspace.catalog) as catalog:
        for source in catalog.sources():
            # As if they had always been so: else no label would be of the article that is there now.
            products, rules = list(spoiled(catalog.iter(source=source.name))), ImportRules(labelled=frozenset())
            catalog.replace(source.name, source.role, products, rules=rules)
        strange = [Product(some(14, 1), text, f"Nikon {text}") for text in HOSTILE]
        catalog.replace(some(14, 1), "catalog", strange)
    _spoilt_catalogues[before] = workspace.catalog.read_bytes()


def spoiled(products: Iterable[Product], per_title: int = 8) -> Iterator[Product]:
    """The products with hostile text in every field; all of it in any ten, whose last are a blank and a book."""
    for number, product in enumerate(products):
        first = number * per_title
        title = f"{some(first, per_title)} {product.title}"
        if product.id.endswith("c10"):
            title = BOOK
        elif product.id.endswith("c9"):
            title = SPACES
        yield replace(
            product,
            title=title,
            brand=some(first + 1, 2),
            category=some(first + 2, 2),
            model=some(first + 3, 2),
            upc=some(first + 4, 1),
            extra={some(first + place, 1): some(first + place + 1, 2) for place in range(4)},
        )


def spoil_ledger(workspace: Workspace) -> None:
    """Let people with hostile names comment on every query, flag it, and answer a part of it."""
    with LabelStore(workspace.labels) as store:
        for number in range(1, 9):
            query, name = q(f"q{number}"), some(5 * number, 1)
            store.record(name, Verb.COMMENT, query, details=ActionDetails(text=some(10 * number, 10)))
            store.record(name, Verb.REJECT, query, no_match(f"q{number}-c3"))
            store.record("ada", Verb.COMMENT, query, details=ActionDetails(text=some(10 * number + 5, 10)))
        store.record(some(3, 1), Verb.FLAG, q("q3"))
        store.record(some(16, 1), Verb.ACCEPT, c("nothing that anybody knows"), details=ActionDetails(text=some(2, 1)))


def spoil_files(workspace: Workspace) -> None:
    """Make what jobs, models and evaluations tell hostile, wherever it is for people; and the files of people."""
    for path in sorted(workspace.home.rglob("*.json")):
        if not path.is_relative_to(workspace.sessions):
            path.write_text(json.dumps(_spoilt(json.loads(path.read_text()))))
    for path in sorted(workspace.home.rglob("*.jsonl")):
        lines = [json.dumps(_spoilt(json.loads(line), at=at)) for at, line in enumerate(path.read_text().splitlines())]
        path.write_text("\n".join(lines) + "\n")
    for path in sorted(workspace.jobs.glob("*/log.txt")):
        path.write_text("\n".join([path.read_text(), *HOSTILE]), newline="")
    workspace.guidelines.write_text("\n\n".join(f"# {text}\n\n{text}" for text in HOSTILE), newline="")


def _spoilt(value: Any, key: str = "", at: int = 0) -> Any:
    """A JSON value with hostile text before every text that is for people."""
    if isinstance(value, dict):
        return {name: _spoilt(each, name, at + place) for place, (name, each) in enumerate(value.items())}
    if isinstance(value, list):
        return [_spoilt(each, key, at + place) for place, each in enumerate(value)]
    if isinstance(value, str) and key not in _READ_BY_PROGRAMS:
        return f"{some(at * 3, 3)} {value}"
    return value


def spoilt_answer(value: Any) -> Any:
    """What a verb answers, spoilt as the files are."""
    return _spoilt(value)


def spoil(workspace: Workspace) -> None:
    """All of it."""
    spoil_catalogue(workspace)
    spoil_ledger(workspace)
    spoil_files(workspace)
