"""Which column of a file holds which field of a product."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from core.catalog.prices import ISO_4217
from core.errors import CatalogError

# By field, the likeliest first; compared without case, spaces, punctuation and accents of the name itself. English,
# German, French and Spanish, as shop systems, marketplaces and feed formats (Google Merchant Center, schema.org, Amazon
# listing reports) have them.
_USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "id": (
        "id", "productid", "itemid", "sku", "asin", "listingid", "uniqueid", "uniqid", "skuid", "itemsku",
        "sellersku", "productsku", "variantsku", "asin1", "itemno", "itemnumber", "itemnum", "itemcode",
        "productcode", "productnumber", "productno", "articleid", "articlenumber", "articleno", "retailerid",
        "walmartid", "amazonid", "tcin", "dpci", "usitemid", "artikelnummer", "artikelnr", "artnr", "artikelid",
        "produktid", "produktnummer", "identifiant", "idproduit", "produitid", "reference", "refproduit",
        "codeproduit", "codearticle", "idproducto", "productoid", "codigo", "codigoproducto", "referencia",
        "identifier",
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
    ),
}  # fmt: skip

FIELDS: tuple[str, ...] = tuple(_USUAL_NAMES)
"""The fields of a product that a column can be mapped to."""

#: A title where there is no other; otherwise an attribute that nobody would look for among the titles.
_LAST_RESORT = {
    "itemdescription", "productdescription", "itemdesc", "proddesc", "desc", "shortdescription", "description",
    "beschreibung", "descripcion",
}  # fmt: skip
#: Likeness of names (Ratcliff/Obershelp, as `difflib` has it) from which one is taken for a misspelling of the other.
_NEAR = 0.8
_ACCENTS = str.maketrans("äöüéèêëàâáíîïóôúûçñ", "aoueeeeaaaiiioouucn")


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Which column each field is read from, and what became of the others.

    Attributes:
        by_field: column by field; fields that the file does not have are left out.
        passed_over: by field, the columns of a usual name that another one was preferred to.
        suggested: by column that is not used, the field that its name is nearest to and that has no column.
        others: all columns that are not used and hold something, in the file's order.
    """

    by_field: dict[str, str]
    passed_over: dict[str, tuple[str, ...]] = field(default_factory=dict)
    suggested: dict[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()


def choose_columns(
    columns: Sequence[str], mapping: Mapping[str, str], where: str, blank: Collection[str] = ()
) -> ColumnChoice:
    """Find the column of each field: as mapped, else by its usual names.

    Args:
        columns: the names that the file has.
        mapping: column by field, before all guesses; an empty column name leaves the field out.
        where: the file's name, for messages.
        blank: the columns without any value in the first rows; one of the same field that has some comes before them.

    Raises:
        CatalogError: the mapping names a field or a column that does not exist, or no column holds the
            id or the title.
    """
    by_field: dict[str, str] = {}
    for name, column in mapping.items():
        if name not in FIELDS:
            raise CatalogError(f"A product has no field {name!r}.", f"Its fields are {', '.join(FIELDS)}.")
        if column:
            by_field[name] = find_column(columns, column, where)
    passed_over = {}
    for name, usual in _USUAL_NAMES.items():
        if name not in mapping:
            found = _guesses(columns, name, usual, set(by_field.values()))
            found.sort(key=lambda column: column in blank)
            if found:
                by_field[name], *rest = found
                passed_over[name] = tuple(column for column in rest if bare_name(column) not in _LAST_RESORT)
    for name in ("id", "title"):
        if name not in by_field:
            raise _missing(name, columns, by_field, where)
    others = tuple(column for column in columns if column not in by_field.values() and column not in blank)
    competing = {column for rest in passed_over.values() for column in rest}
    free = [column for column in others if column not in competing]
    suggested = _nearest(free, [name for name in FIELDS if name not in by_field and name not in mapping])
    return ColumnChoice(by_field, {name: rest for name, rest in passed_over.items() if rest}, suggested, others)


def is_field_name(column: str, name: str) -> bool:
    """Whether a column's name is a usual one of a field."""
    return bare_name(column) in _USUAL_NAMES[name]


def _missing(name: str, columns: Sequence[str], by_field: Mapping[str, str], where: str) -> CatalogError:
    free = [column for column in columns if column not in by_field.values()]
    near = next(iter(_nearest(free, [name])), "COLUMN")
    return CatalogError(
        f"No column of {where} looks like the {name}. It has: {listed(columns)}.",
        f"Say which one it is: samesku import products FILE --source NAME --map {map_argument(name, near)}",
    )


def map_argument(name: str, column: str) -> str:
    """The value of `--map` as it is typed: quoted where the shell would take it apart."""
    plain = column.replace("_", "").replace("-", "").isalnum()
    return f"{name}={column}" if plain else f"{name}='{column}'" if "'" not in column else f'{name}="{column}"'


def find_column(columns: Sequence[str], wanted: str, where: str) -> str:
    """The column of that name, whatever its case.

    Raises:
        CatalogError: there is none, or several.
    """
    if wanted in columns:
        return wanted
    alike = [column for column in columns if column.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    raise CatalogError(f"{where} has no column {wanted!r}.", f"It has: {listed(columns)}.")


def _guesses(columns: Sequence[str], name: str, usual: Sequence[str], used: Collection[str]) -> list[str]:
    """The columns of a usual name, the likeliest first."""
    free: dict[str, list[str]] = {}
    for column in columns:
        if column not in used:
            for known in dict.fromkeys((bare_name(column), _without_currency(column) if name == "price" else "")):
                free.setdefault(known, []).append(column)
    return list(dict.fromkeys(column for each in usual for column in free.get(each, ())))


def _nearest(columns: Sequence[str], fields: Collection[str]) -> dict[str, str]:
    """By column, the field that its name is likest to; none that is like no usual name."""
    found = {}
    for column in columns:
        bare = bare_name(column)
        likeness = {
            name: max(SequenceMatcher(None, bare, usual).ratio() for usual in _USUAL_NAMES[name])
            for name in fields
            if 3 <= len(bare) <= 40
        }
        best = max(likeness, key=likeness.__getitem__, default=None)
        if best is not None and likeness[best] >= _NEAR:
            found[column] = best
    return found


def _without_currency(column: str) -> str:
    """The bare name of `price_eur` or `Preis (€)` without the currency; digits and signs go with it."""
    bare = bare_name(column)
    return bare[:-3] if bare[-3:].upper() in ISO_4217 else ""


def bare_name(name: str) -> str:
    """The letters and digits of a column's name, without case and accents."""
    bare = "".join(character for character in name.casefold() if character.isalnum())
    return bare.translate(_ACCENTS)


def listed(columns: Sequence[str]) -> str:
    """Names of columns or tables, few and short enough for a message: the file may be no table at all."""
    short = [name if len(name) <= 40 else name[:39] + "…" for name in columns[:20]]
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(name if name.isprintable() else repr(name) for name in short) + more
