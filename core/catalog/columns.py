"""Which column of a file holds which field of a product."""

from collections.abc import Collection, Mapping, Sequence

from core.errors import CatalogError

# By field, the likeliest first; compared without case, blanks and punctuation.
_USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "productid", "itemid", "sku", "asin", "listingid", "uniqueid", "uniqid"),
    "title": ("title", "name", "productname", "producttitle", "itemname", "listingtitle"),
    "brand": ("brand", "brandname", "manufacturer", "maker", "manufacturername"),
    "category": ("category", "categoryname", "department", "producttype", "categories"),
    "model": ("modelno", "modelnumber", "model", "mpn", "partnumber", "manufacturerpartnumber"),
    "price": ("price", "currentprice", "saleprice", "listprice", "priceusd"),
    "upc": ("upc", "gtin", "ean", "barcode", "upca", "ean13", "gtin12", "gtin13", "gtin14"),
}

FIELDS: tuple[str, ...] = tuple(_USUAL_NAMES)
"""The fields of a product that a column can be mapped to."""


def choose_columns(columns: Sequence[str], mapping: Mapping[str, str], where: str) -> dict[str, str]:
    """Find the column of each field: as mapped, else by its usual names.

    Args:
        columns: the names that the file has.
        mapping: column by field, before all guesses; an empty column name leaves the field out.
        where: the file's name, for messages.

    Returns:
        Column by field; fields that the file does not have are left out.

    Raises:
        CatalogError: the mapping names a field or a column that does not exist, or no column holds the
            id or the title.
    """
    by_field: dict[str, str] = {}
    for field, column in mapping.items():
        if field not in FIELDS:
            raise CatalogError(f"A product has no field {field!r}.", f"Its fields are {', '.join(FIELDS)}.")
        if column:
            by_field[field] = _named(columns, column, where)
    for field, usual in _USUAL_NAMES.items():
        if field not in mapping:
            guess = _guess(columns, usual, set(by_field.values()))
            if guess is not None:
                by_field[field] = guess
    for field in ("id", "title"):
        if field not in by_field:
            raise CatalogError(
                f"No column of {where} looks like the {field}. It has: {listed(columns)}.",
                f"Say which one it is with --map {field}=COLUMN.",
            )
    return by_field


def _named(columns: Sequence[str], wanted: str, where: str) -> str:
    if wanted in columns:
        return wanted
    alike = [column for column in columns if column.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    raise CatalogError(f"{where} has no column {wanted!r}.", f"It has: {listed(columns)}.")


def _guess(columns: Sequence[str], usual: Sequence[str], used: Collection[str]) -> str | None:
    free = {_bare(column): column for column in reversed(columns) if column not in used}
    return next((free[name] for name in usual if name in free), None)


def _bare(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def listed(columns: Sequence[str]) -> str:
    """Names of columns or tables, few and short enough for a message: the file may be no table at all."""
    short = [name if len(name) <= 40 else name[:39] + "…" for name in columns[:20]]
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(name if name.isprintable() else repr(name) for name in short) + more
