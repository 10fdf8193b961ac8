"""Which side of a pair the products of a source are on."""

from typing import Literal, get_args

from core.errors import CatalogError

Role = Literal["query", "catalog"]
"""`query`: the products under review; `catalog`: those they may equal."""

ROLES: tuple[Role, ...] = get_args(Role)


def as_role(text: str) -> Role:
    """The role of that name.

    Raises:
        CatalogError: there is no such role.
    """
    for role in ROLES:
        if text == role:
            return role
    raise CatalogError(f"There is no role {text!r}.", f"The roles are {' and '.join(ROLES)}.")
