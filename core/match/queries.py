"""Queries that somebody names by an id, and what to say of an id that is none."""

from collections.abc import Iterable

from core.catalog.similar_ids import did_you_mean
from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.text.safe import safe
from core.workspace import Workspace
from labels.model import ProductRef


def queries_named(workspace: Workspace, name: str, indexed: Iterable[ProductRef]) -> list[ProductRef]:
    """The indexed queries of an id: one of each source that has it.

    Args:
        workspace: with the catalogue.
        name: the id, or `SOURCE/ID` where several sources have it.
        indexed: the queries that have candidates.

    Raises:
        CoreError: there is none; it says why, and which id may be meant.
    """
    refs = list(dict.fromkeys(indexed))
    found = [ref for ref in refs if ref.id == name] or [ref for ref in refs if f"{ref.source}/{ref.id}" == name]
    if found:
        return found
    raise _unknown(workspace, name)


def _unknown(workspace: Workspace, name: str) -> CoreError:
    with CatalogStore(workspace.catalog) as catalog:
        sides = {ref: role for ref, (role, _) in catalog.digests().items()}
    roles = {role for ref, role in sides.items() if name in {ref.id, f"{ref.source}/{ref.id}"}}
    shown = safe(name)
    if "query" in roles:
        return CoreError(f"The query {shown} has no candidates: it came in after the last index run.",
                         "Run `samesku index`.")  # fmt: skip
    if "catalog" in roles:
        return CoreError(f"{shown} is a candidate, not a query.", "`samesku match --out FILE` lists the queries.")
    hint = did_you_mean(name, {ref.id for ref, role in sides.items() if role == "query"})
    return CoreError(f"There is no query {shown}.", safe(hint) or "`samesku match --out FILE` lists them all.")
