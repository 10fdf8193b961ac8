"""Mapping of a file's columns to the fields of a product, by their names."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from core.catalog.prices import ISO_4217
from core.errors import CatalogError

#: Field → common column names as `bare_name` gives them, the likeliest first: English, German, French and Spanish names
#: of shop systems, marketplaces and feed formats (Google Merchant Center, schema.org, Amazon listing reports).
_COMMON_NAMES: dict[str, tuple[str, ...]] = {
    "id": (
        "id", "productid", "itemid", "sku", "asin", "listingid", "uniqueid", "uniqid", "skuid", "itemsku",
        "sellersku", "productsku", "variantsku", "asin1", "itemno", "itemnumber", "itemnum", "itemcode",
        "productcode", "productnumber", "productno", "articleid", "articlenumber", "articleno", "retailerid",
        "walmartid", "amazonid", "tcin", "dpci", "usitemid", "artikelnummer", "artikelnr", "artnr", "artikelid",
        "produktid", "produktnummer", "identifiant", "idproduit", "produitid", "reference", "refproduit",
        "codeproduit", "codearticle", "idproducto", "productoid", "codigo", "codigoproducto", "referencia",
        "identifier", "skuno", "skunumber", "listingno", "listingnumber",
    ),
    "title": (
        "title", "name", "productname", "producttitle", "itemname", "listingtitle", "itemtitle", "skuname",
        "displayname", "itemdescription", "productdescription", "itemdesc", "proddesc", "articlename", "headline",
        "titel", "bezeichnung", "produktname", "artikelname", "artikelbezeichnung", "produktbezeichnung", "titre",
        "nom", "nomproduit", "nomduproduit", "libelle", "libelleproduit", "designation", "intitule", "titulo",
        "nombre", "nombreproducto", "nombredelproducto", "denominacion", "desc", "shortdescription", "description",
        "beschreibung", "descripcion",
    ),
    "brand": (
        "brand", "brandname", "manufacturer", "maker", "manufacturername", "mfr", "mfg", "mfgname", "mfrname",
        "vendor", "vendorname", "productbrand", "make", "brandowner", "marke", "markenname", "hersteller",
        "herstellername", "marque", "nommarque", "fabricant", "marca", "fabricante",
    ),
    "category": (
        "category", "categoryname", "categorypath", "department", "producttype", "categories", "dept", "deptname",
        "departmentname", "categorytree", "breadcrumb", "breadcrumbs", "productcategory", "itemcategory",
        "primarycategory", "googleproductcategory", "taxonomy", "class", "itemtype", "productgroup", "subcategory",
        "kategorie", "kategorien", "kategoriepfad", "warengruppe", "produktkategorie", "abteilung", "categorie",
        "rayon", "famille", "typedeproduit", "categoria", "categorias", "departamento", "seccion",
    ),
    "model": (
        "modelno", "modelnumber", "model", "mpn", "partnumber", "manufacturerpartnumber", "modelnum", "modelname",
        "itemmodelnumber", "partno", "mfrpartnumber", "mfgpartnumber", "mfrpartno", "mfgpartno", "mfrpn",
        "mfrmodel", "manufacturermodel", "manufacturermodelnumber", "manufacturerpartno", "stylenumber", "modell",
        "modellnummer", "modellnr", "herstellernummer", "herstellerartikelnummer", "teilenummer", "modele",
        "numerodemodele", "referencefabricant", "modelo", "numerodemodelo", "referenciafabricante",
    ),
    "price": (
        "price", "currentprice", "saleprice", "sellingprice", "ourprice", "buyboxprice", "finalprice", "offerprice",
        "productprice", "itemprice", "retailprice", "retail", "unitretail", "unitprice", "regularprice",
        "listprice", "baseprice", "pricevalue", "priceamount", "msrp", "rrp", "srp", "minprice", "pricemin",
        "lowprice", "pricefrom", "offers", "preis", "verkaufspreis", "vkpreis", "vk", "einzelpreis", "stuckpreis",
        "bruttopreis", "prix", "prixttc", "prixdevente", "prixunitaire", "precio", "precioventa", "preciodeventa",
        "preciounitario", "pvp", "importe",
    ),
    "currency": (
        "currency", "currencycode", "pricecurrency", "curr", "currencyiso", "isocurrency", "waehrung", "wahrung",
        "devise", "monnaie", "moneda", "divisa",
    ),
    "upc": (
        "upc", "gtin", "ean", "barcode", "upca", "ean13", "gtin12", "gtin13", "gtin14", "upccode", "upcnumber",
        "upcean", "eanupc", "eancode", "eannumber", "gtincode", "barcodenumber", "gtin8", "ean8", "upc12",
        "primaryupc", "isbn", "isbn13", "isbn10", "externalproductid", "strichcode", "barcodenummer", "eannummer",
        "codebarres", "codeabarres", "codeean", "codigodebarras", "codigobarras", "codigoean",
        "upcno", "eanno", "gtinno", "barcodeno",
    ),
}  # fmt: skip

FIELDS: tuple[str, ...] = tuple(_COMMON_NAMES)
"""The fields of a product that a column can be mapped to."""

#: Field → names that may mean it or something else, such as a purchase price: suggested, never chosen.
_POSSIBLE_NAMES: dict[str, frozenset[str]] = {
    "id": frozenset({"item", "product", "key", "code", "number", "no", "nr", "ref", "handle"}),
    "title": frozenset({"item", "product", "article", "artikel", "produkt", "produit", "producto", "text"}),
    "brand": frozenset({"company", "companyname", "supplier", "suppliername", "producer", "lieferant", "proveedor"}),
    "category": frozenset({"group", "type", "section", "segment", "division", "gruppe", "groupe", "grupo"}),
    "model": frozenset({"style", "series", "partnum", "pn", "mfrno"}),
    "price": frozenset({"cost", "unitcost", "amount", "value", "wholesaleprice", "kosten", "cout", "coste", "costo"}),
    "currency": frozenset({"cur", "iso"}),
    "upc": frozenset({"code", "scancode"}),
}

#: Names that mean the title only if there is no other; otherwise they are further attributes.
_FALLBACK_TITLES = {
    "itemdescription", "productdescription", "itemdesc", "proddesc", "desc", "shortdescription", "description",
    "beschreibung", "descripcion",
}  # fmt: skip
#: Minimum similarity of a misspelled name (Ratcliff/Obershelp, as in `difflib`).
_MIN_SIMILARITY = 0.8
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NUMBER_SIGN = re.compile(r"(?<=\w)\s*#\s*$")
_ACCENTS = str.maketrans("äöüéèêëàâáíîïóôúûçñ", "aoueeeeaaaiiioouucn")


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """The column of each field, and the remaining columns.

    Attributes:
        by_field: field → column; without the fields that the file lacks.
        alternatives: field → other columns with a common name of the field, which were not chosen.
        suggested: unused column → the field without a column whose names are most similar.
        others: all unused columns with values, in the file's order.
    """

    by_field: dict[str, str]
    alternatives: dict[str, tuple[str, ...]] = field(default_factory=dict)
    suggested: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()


def choose_columns(
    columns: Sequence[str], mapping: Mapping[str, str], where: str, blank: Collection[str] = ()
) -> ColumnChoice:
    """Choose the column of each field: as mapped, else by its common names.

    Args:
        columns: the columns of the file.
        mapping: field → column, with precedence over common names; an empty column leaves the field out.
        where: the file's name, for messages.
        blank: columns without values in the first rows, which are chosen last.

    Raises:
        MissingFieldError: no column is found for the id or the title.
        CatalogError: the mapping has an unknown field or column.
    """
    by_field: dict[str, str] = {}
    for name, column in mapping.items():
        if name not in FIELDS:
            raise CatalogError(f"A product has no field {name!r}.", f"Its fields are {', '.join(FIELDS)}.")
        if column:
            by_field[name] = find_column(columns, column, where)
    alternatives = {}
    for name, common in _COMMON_NAMES.items():
        if name not in mapping:
            found = _matching_columns(columns, name, common, set(by_field.values()))
            found.sort(key=lambda column: column in blank)
            if found:
                by_field[name], *rest = found
                alternatives[name] = tuple(column for column in rest if bare_name(column) not in _FALLBACK_TITLES)
    if missing := [name for name in ("id", "title") if name not in by_field]:
        raise MissingFieldError(missing, columns, by_field, where)
    others = tuple(column for column in columns if column not in by_field.values() and column not in blank)
    competing = {column for rest in alternatives.values() for column in rest}
    free = [column for column in others if column not in competing]
    suggested = _similar_fields(free, [name for name in FIELDS if name not in by_field and name not in mapping])
    return ColumnChoice(by_field, {name: rest for name, rest in alternatives.items() if rest}, suggested, others)


class MissingFieldError(CatalogError):
    """A file has no column for the id, the title or both.

    Args:
        fields: the missing fields.
        columns: the columns of the file.
        by_field: field → column, as far as found.
        where: the file's name.

    Attributes:
        mapping: missing field → the column with the most similar name; `COLUMN` if there is none.
    """

    def __init__(self, fields: Sequence[str], columns: Sequence[str], by_field: Mapping[str, str], where: str) -> None:
        similar = _similar_fields([column for column in columns if column not in by_field.values()], fields)
        self.mapping = dict.fromkeys(fields, "COLUMN") | {name: column for column, name in reversed(similar.items())}
        options = " ".join(f"--map {map_argument(*each)}" for each in self.mapping.items())
        super().__init__(
            f"No column of {where} looks like the {' or the '.join(fields)}. It has: {format_names(columns)}.",
            f"Name the column{'s'[: len(fields) - 1]}: samesku import products FILE --source NAME {options}",
        )


def is_field_name(column: str, name: str) -> bool:
    """Whether a column's name is a common name of a field."""
    return any(bare in _COMMON_NAMES[name] for bare in _bare_forms(column, name))


def map_argument(name: str, column: str) -> str:
    """The value of `--map` for a command line, quoted if the shell would split it."""
    plain = column.replace("_", "").replace("-", "").isalnum()
    return f"{name}={column}" if plain else f"{name}='{column}'" if "'" not in column else f'{name}="{column}"'


def find_column(columns: Sequence[str], wanted: str, where: str) -> str:
    """The column of that name, ignoring case unless there is an exact match.

    Raises:
        CatalogError: there is none, or several.
    """
    if wanted in columns:
        return wanted
    alike = [column for column in columns if column.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    raise CatalogError(f"{where} has no column {wanted!r}.", f"It has: {format_names(columns)}.")


def _matching_columns(columns: Sequence[str], name: str, common: Sequence[str], used: Collection[str]) -> list[str]:
    """The unused columns with a common name of a field, the likeliest first."""
    free: dict[str, list[str]] = {}
    for column in columns:
        if column not in used:
            for bare in dict.fromkeys(_bare_forms(column, name)):
                free.setdefault(bare, []).append(column)
    return list(dict.fromkeys(column for each in common for column in free.get(each, ())))


def _similar_fields(columns: Sequence[str], fields: Collection[str]) -> dict[str, str]:
    """Column → the field with the most similar name; without columns that are similar to none."""
    found = {}
    for column in columns:
        bare = bare_name(column)
        similarity = {
            name: max(SequenceMatcher(None, bare, common).ratio() for common in _COMMON_NAMES[name])
            for name in fields
            if 3 <= len(bare) <= 40
        }
        similarity |= {name: 1.0 for name in fields if bare in _POSSIBLE_NAMES[name]}
        best = max(similarity, key=similarity.__getitem__, default=None)
        if best is not None and similarity[best] >= _MIN_SIMILARITY:
            found[column] = best
    return found


def _bare_forms(column: str, name: str) -> Iterator[str]:
    """The bare names that a column may have for a field: as it is, `Name (EN)` as `Name`, `Brand/Maker` as `Brand`."""
    yield bare_name(column)
    if (plain := _BRACKETS.sub("", column)) != column:
        yield bare_name(plain)
    parts = [bare_name(part) for part in column.split("/")]
    # Only if every part means the field: `price/100 g` is none.
    if len(parts) > 1 and all(part in _COMMON_NAMES[name] for part in parts):
        yield parts[0]
    if name == "price":
        yield _without_currency(column)


def _without_currency(column: str) -> str:
    """The bare name of a column such as `price_eur` without the currency; empty if it has none."""
    bare = bare_name(column)
    return bare[:-3] if bare[-3:].upper() in ISO_4217 else ""


def bare_name(name: str) -> str:
    """The letters and digits of a column's name in lower case, without accents; a final # is "no", as in `Item #`."""
    name = _NUMBER_SIGN.sub("no", name)
    bare = "".join(character for character in name.casefold() if character.isalnum())
    return bare.translate(_ACCENTS)


def format_names(columns: Sequence[str]) -> str:
    """Names of columns or tables for a message, limited in number and length, since the file may not be a table."""
    short = [name if len(name) <= 40 else name[:39] + "…" for name in columns[:20]]
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(name if name.isprintable() else repr(name) for name in short) + more
