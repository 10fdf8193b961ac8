"""The list of rejected rows: in the dialect of the file, to be mended and imported again."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.catalog.import_report import ImportReport
from core.catalog.importer import ImportOptions, import_file
from core.catalog.product import Product
from core.catalog.store import CatalogStore
from labels.model import ProductRef


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CatalogStore]:
    with CatalogStore(tmp_path / "catalog.db") as opened:
        yield opened


def load(store: CatalogStore, path: Path) -> ImportReport:
    return import_file(store, path, "shop", ImportOptions(role="catalog", rejects_path=path.with_name("rejects.csv")))


#: Rows without an id, one with a cell too many, one with an open quote; `X` stands for the id that is missing.
DIALECTS = {
    "semicolon": 'id;title;price;note\n1;"good; really";9,90;x\n;"lacks; id";12,50;"a ""b"" c"\n2;too;many;cells;5\n',
    "tab": 'id\ttitle\tprice\tnote\n1\tgood\t9.90\tx\n\tlacks, id\t12.50\ta "b" c\n2\ttoo\tmany\tcells\t5\n',
    "pipe": "id|title|price|note\n1|good|9.90|x\n|lacks; id|12.50|a, b\n2|too|many|cells|5\n",
    "comma": 'id,title,price,note\n1,good,9.90,x\n,"lacks, id",12.50,"5"" a, b"\n2,too,many,cells,5\n',
    "single quotes": "'id','title','price','note'\n'1','good','9.90','x'\n'','lacks, id','12.50','it''s'\n"
    "'2','too','many','cells','5'\n",
    "backslash": 'id,title,price,note\n1,"a 5\\" good, one",9.90,x\n3,"a 6\\" good, one",9.90,x\n'
    ',"lacks, 7\\" id",12.50,"a\\\\"\n2,too,many,cells,5\n',
    "declared": "sep=:\nid:title:price:note\n1:good:9.90:x\n:lacks, id:12.50:a; b\n2:too:many:cells:5\n",
}


@pytest.mark.parametrize("content", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_the_list_comes_in_once_it_is_mended(store: CatalogStore, tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "products.csv"
    path.write_bytes(content.replace("lacks", "läcks").encode(encoding))
    report = load(store, path)
    assert report.rejected == {"no id": 1, "wrong column count": 1}
    rejects = tmp_path / "rejects.csv"
    mended = tmp_path / "mended.csv"
    delimiter = content.removeprefix("sep=")[0] if content.startswith("sep=") else re.findall("[;\t|,:]", content)[0]
    quote = "'" if content.startswith("'") else ""
    text = rejects.read_text(encoding="utf-8")
    mended.write_text(
        text.replace(
            f"{quote}no id{quote}{delimiter}{quote * 2}{delimiter}",
            f"{quote}no id{quote}{delimiter}{quote}77{quote}{delimiter}",
        ),
        encoding="utf-8",
    )
    # The same product as from the file itself, had it had an id.
    path.write_bytes(
        content.replace("lacks", "läcks")
        .replace(f"\n{quote * 2}{delimiter}", f"\n{quote}77{quote}{delimiter}")
        .encode(encoding)
    )
    import_file(store, path, "other", ImportOptions(role="catalog"))
    again = load(store, mended)
    assert (again.counts.added, again.rejected) == (1, {"wrong column count": 1})
    came, meant = (store.get(ProductRef(source, "77")) for source in ("shop", "other"))
    assert came is not None
    assert meant is not None
    assert facts(came) == facts(meant)
    # What is still wrong is listed as it was, without a second pair of columns before it.
    assert rejects.read_text(encoding="utf-8").count("wrong column count") == 1
    assert rejects.read_text(encoding="utf-8").splitlines()[-1].count(delimiter) == 6


def facts(product: Product) -> tuple[object, ...]:
    return product.title, product.price, product.extra


def test_a_formula_and_a_control_character_are_inert_in_the_list_and_come_back(
    store: CatalogStore, tmp_path: Path
) -> None:
    path = tmp_path / "products.csv"
    path.write_text('id;title;note\n;=1+1;"two\nlines"\n2;"=HYPERLINK(1)";"-3";x;y\n', encoding="utf-8")
    load(store, path)
    lines = (tmp_path / "rejects.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1] == r"2;no id;;'=1+1;two\x0alines"
    assert lines[2] == """4;wrong column count;2;"'=HYPERLINK(1)";"'-3";x;y"""
    mended = tmp_path / "mended.csv"
    mended.write_text("\n".join([lines[0], lines[1].replace("no id;;", "no id;1;")]) + "\n", encoding="utf-8")
    load(store, mended)
    product = store.get(ProductRef("shop", "1"))
    assert product is not None
    assert (product.title, product.extra) == ("=1+1", {"note": "two lines"})


def test_rows_of_json_stand_below_their_columns(store: CatalogStore, tmp_path: Path) -> None:
    path = tmp_path / "products.jsonl"
    path.write_text('{"id": "1", "title": "a", "note": "x, y"}\n{"note": "b, c", "title": "no id"}\n[1, 2]\n')
    load(store, path)
    assert (tmp_path / "rejects.csv").read_text().splitlines() == [
        "rejected_line,rejected_reason,id,title,note",
        '2,no id,,no id,"b, c"',
        '3,not a JSON object,"[1, 2]"',
    ]
