"""The catalogue store: imports, look-ups, full-text search, and files it must refuse."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.catalog.product import Product, default_gtins
from core.catalog.store import CatalogStore, ImportCount, ImportRules, Source
from core.errors import CatalogError
from labels.model import ProductRef

BATTERY = Product(
    "amazon",
    "b1",
    "Nikon EN-EL14 Battery",
    "Nikon",
    "batteries",
    "EN-EL14",
    39.5,
    "018208270",
    {"color": "grey"},
)
TELEVISION = Product("amazon", "b2", 'Samsung 55" LED TV', "Samsung", "televisions", "UN55", None, "887276")
CAMERA = Product("amazon", "b3", "Nikon camera (no battery)", "Nikon", "cameras")
QUERY = Product("walmart", "w1", "nikon en-el14 battery", "nikon")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CatalogStore]:
    with CatalogStore(tmp_path / "catalog.db") as opened:
        opened.replace("amazon", "catalog", [BATTERY, TELEVISION, CAMERA])
        opened.replace("walmart", "query", [QUERY])
        yield opened


def ids(products: list[Product]) -> list[str]:
    return [product.id for product in products]


def test_what_went_in_comes_out(store: CatalogStore) -> None:
    assert store.get(BATTERY.ref) == BATTERY
    assert store.get(TELEVISION.ref) == TELEVISION
    assert store.get(ProductRef("amazon", "w1")) is None


def test_get_many_keeps_the_order_and_leaves_out_what_is_not_there(store: CatalogStore) -> None:
    refs = [QUERY.ref, ProductRef("amazon", "none"), CAMERA.ref, BATTERY.ref, QUERY.ref]
    assert list(store.get_many(refs).items()) == [(p.ref, p) for p in (QUERY, CAMERA, BATTERY)]


def test_get_many_of_more_than_one_chunk(store: CatalogStore) -> None:
    many = [Product("big", str(number), f"thing {number}") for number in range(1201)]
    store.replace("big", "catalog", many)
    assert list(store.get_many(p.ref for p in reversed(many)).values()) == many[::-1]


@pytest.mark.parametrize("odd", ["\ud800", "b1\0", "", "'; DROP TABLE products; --"])
def test_an_odd_id_is_simply_not_there(store: CatalogStore, odd: str) -> None:
    assert store.get(ProductRef("amazon", odd)) is None
    assert store.get(ProductRef(odd, "b1")) is None


def test_iteration_is_by_source_and_then_as_imported(store: CatalogStore) -> None:
    store.replace("amazon", "catalog", [Product("amazon", "a0", "late")])
    assert [p.id for p in store.iter()] == ["b1", "b2", "b3", "a0", "w1"]
    assert [p.id for p in store.iter(role="query")] == ["w1"]
    assert [p.id for p in store.iter(source="amazon", role="query")] == []


def test_iteration_does_not_keep_others_from_writing(store: CatalogStore) -> None:
    products = store.iter()
    next(products)
    with CatalogStore(store.path) as other:
        assert other.replace("walmart", "query", [replace(QUERY, title="new")]).changed == 1
    assert len(list(products)) == 3


def test_counts(store: CatalogStore) -> None:
    assert (store.count(), store.count("catalog"), store.count("query")) == (4, 3, 1)
    assert store.sources() == [Source("amazon", "catalog", 3), Source("walmart", "query", 1)]


def test_a_second_import_changes_only_what_changed(store: CatalogStore) -> None:
    renamed = replace(TELEVISION, title="Samsung 55-inch television")
    new = Product("amazon", "b4", "tripod")
    counts = store.replace("amazon", "catalog", [BATTERY, renamed, new])
    assert counts == ImportCount(added=1, changed=1, unchanged=1, removed=0, vanished=1)
    assert store.get(CAMERA.ref) == CAMERA
    assert store.get(TELEVISION.ref) == renamed


@pytest.mark.parametrize(
    "change", [{"price": 1.0}, {"upc": "1"}, {"extra": {}}, {"brand": "x"}, {"model": "x"}, {"category": "x"}]
)
def test_every_field_counts_as_a_change(store: CatalogStore, change: dict[str, object]) -> None:
    changed = replace(BATTERY, **change)  # type: ignore[arg-type]
    assert store.replace("amazon", "catalog", [changed]).changed == 1
    assert store.get(BATTERY.ref) == changed


def test_pruning_removes_what_vanished_and_leaves_other_sources(store: CatalogStore) -> None:
    counts = store.replace("amazon", "catalog", [BATTERY], prune=True)
    assert counts == ImportCount(unchanged=1, removed=2, vanished=2)
    assert [p.id for p in store.iter()] == ["b1", "w1"]
    assert ids(store.search("camera")) == []


def test_of_two_with_one_id_the_first_stays(store: CatalogStore) -> None:
    twice = [Product("s", "1", "first"), Product("s", "1", "second")]
    assert store.replace("s", "catalog", twice) == ImportCount(added=1)
    assert store.replace("s", "catalog", twice) == ImportCount(unchanged=1)


def test_a_failure_half_way_changes_nothing(store: CatalogStore) -> None:
    def broken() -> Iterator[Product]:
        yield replace(BATTERY, title="changed")
        raise RuntimeError("the disk caught fire")

    with pytest.raises(RuntimeError, match="fire"):
        store.replace("amazon", "query", broken(), prune=True, rules=ImportRules(change_role=True))
    assert store.get(BATTERY.ref) == BATTERY
    assert store.sources()[0].role == "catalog"


def test_products_of_another_source_and_unknown_roles_are_refused(store: CatalogStore) -> None:
    with pytest.raises(CatalogError, match="walmart"):
        store.replace("amazon", "catalog", [QUERY])
    with pytest.raises(CatalogError, match="role"):
        store.replace("amazon", "seller", [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("en-el14", {"b1", "w1"}),
        ("nikon batt", {"b1", "b3", "w1"}),
        ("battery nikon", {"b1", "b3", "w1"}),
        ('55"', {"b2"}),
        ("TELEVIS", {"b2"}),
        ("nikon AND camera", set()),
        ('"', set()),
        ("", set()),
        ("NEAR(", set()),
        ("title:nikon", set()),
        ("- nikon *", {"b1", "b3", "w1"}),
        ("níkon", {"b1", "b3", "w1"}),
    ],
)
def test_search(store: CatalogStore, text: str, found: set[str]) -> None:
    assert set(ids(store.search(text))) == found


def test_search_ranks_filters_and_limits(store: CatalogStore) -> None:
    # Found in the model number and the title, it says more than in the title alone.
    assert ids(store.search("el14")) == ["b1", "w1"]
    assert ids(store.search("nikon", "query")) == ["w1"]
    assert len(store.search("nikon", limit=2)) == 2
    assert store.search("nikon", limit=-1) == []


def test_a_model_number_outweighs_a_title_and_a_whole_word_a_beginning(tmp_path: Path) -> None:
    with CatalogStore(tmp_path / "catalog.db") as store:
        products = [
            Product("amazon", "title", "Charger for T6 cameras"),
            Product("amazon", "begun", "Charger T65"),
            Product("amazon", "model", "Charger", model="T6"),
            Product("amazon", "long", "Charger T6 " + "and much else besides " * 5),
        ]
        store.replace("amazon", "catalog", products)
        assert ids(store.search("charger t6")) == ["model", "title", "begun", "long"]


def test_a_catalogue_of_before_can_be_searched_by_beginnings(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with CatalogStore(path) as store:
        store.replace("amazon", "catalog", [Product("amazon", "a", "Nikon D3400")])
    with closing(sqlite3.connect(path)) as before:
        before.executescript(
            _WITHOUT_GTINS
            + "DROP TABLE products_fts; CREATE VIRTUAL TABLE products_fts USING fts5 (title, brand, model, category,"
            " content = 'products', content_rowid = 'key'); PRAGMA user_version = 1"
        )
    with CatalogStore(path) as store:
        assert ids(store.search("n")) == ["a"]
        store.replace("amazon", "catalog", [Product("amazon", "a", "Canon T6")])
        assert ids(store.search("n")) == []
        assert ids(store.search("c")) == ["a"]


def test_search_follows_changes(store: CatalogStore) -> None:
    store.replace("amazon", "catalog", [replace(BATTERY, title="akku", model="")])
    assert ids(store.search("akku")) == ["b1"]
    assert ids(store.search("en-el14")) == ["w1"]
    with sqlite3.connect(store.path) as db:
        db.execute("INSERT INTO products_fts (products_fts, rank) VALUES ('integrity-check', 1)")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.characters(), max_size=40) | st.text(alphabet='"*^:(){}+-,ANDORT ñ½\0', max_size=40))
def test_no_text_breaks_the_search(store: CatalogStore, text: str) -> None:
    assert isinstance(store.search(text), list)


def test_a_search_repairs_an_index_whose_error_quotes_no_text(
    store: CatalogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")]
    read = store._products

    def fail_once(*arguments: Any) -> Any:
        if errors:
            with store._guarded():
                raise errors.pop()
        return read(*arguments)

    monkeypatch.setattr(store, "_products", fail_once)
    assert ids(store.search("nikon"))


def test_a_very_long_text_does_not_break_the_search(store: CatalogStore) -> None:
    assert isinstance(store.search("nikon " * 5000), list)
    assert store.search("x" * 100_000) == []


def test_threads_may_share_a_store(store: CatalogStore) -> None:
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(len(store.search("nikon")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [3] * 8


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="newer") as caught:
        CatalogStore(path)
    assert caught.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is a letter, not a database" * 40, b"SQLite format 3\0" + b"\x07" * 900])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(content)
    with pytest.raises(CatalogError):
        CatalogStore(path)


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE cookies (name)")
    with pytest.raises(CatalogError, match="not a samesku catalogue"):
        CatalogStore(path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be opened"):
        CatalogStore(tmp_path / "no" / "catalog.db")


def test_a_closed_store_says_so_in_a_sentence(store: CatalogStore) -> None:
    store.close()
    store.close()
    with pytest.raises(CatalogError):
        store.count()


def test_settings_of_the_connection(store: CatalogStore) -> None:
    pragma = {
        name: store._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("foreign_keys", "synchronous", "busy_timeout", "journal_mode")
    }
    assert pragma == {"foreign_keys": 1, "synchronous": 2, "busy_timeout": 5000, "journal_mode": "delete"}


def test_the_desk_can_import_the_store_without_anything_heavy() -> None:
    script = (
        "import sys, core.catalog.store, core.catalog.importer, core.catalog.benchmarks;"
        "import core.catalog.benchmarks;"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'sqlite_utils', 'datasets', 'huggingface_hub', 'torch'};"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


UPC, EAN, OTHER = "036000291452", "0036000291452", "4006381333931"


def test_gtins_that_several_products_carry_are_known_in_whatever_form(store: CatalogStore) -> None:
    assert store.shared_gtins() == {}
    store.replace("amazon", "catalog", [replace(BATTERY, upc=UPC), Product("amazon", "o", "other", upc=OTHER)])
    store.replace("walmart", "query", [replace(QUERY, upc=EAN), replace(QUERY, id="w2", upc="999999999999")])
    assert store.shared_gtins() == dict.fromkeys([QUERY.ref, BATTERY.ref], "00036000291452")
    assert store.with_same_gtin([QUERY.ref]) == {QUERY.ref, BATTERY.ref}
    assert store.with_same_gtin([ProductRef("walmart", "w2"), ProductRef("nobody", "x")]) == frozenset()


def test_a_gtin_on_many_listings_of_one_source_identifies_nothing(store: CatalogStore) -> None:
    offers = [Product("amazon", f"o{n}", "offer", upc=UPC) for n in range(6)]
    store.replace("walmart", "query", [replace(QUERY, upc=UPC)])
    store.replace("amazon", "catalog", offers[:5])
    assert len(store.shared_gtins()) == len(store.with_same_gtin([QUERY.ref])) == 6
    store.replace("amazon", "catalog", offers)
    assert store.shared_gtins() == {}
    assert store.with_same_gtin([QUERY.ref]) == frozenset()
    assert (
        store.default_gtins() == store.default_gtins(["00036000291452"]) == default_gtins(store.iter()) != frozenset()
    )
    assert store.default_gtins(["00036000291469"]) == frozenset()


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("036000291452", "o1"),
        ("00036000291452", "o1"),
        ("0 36000 29145 2", "o1"),
        ("UPC: 36000291452", "o1"),
        ("3.6000291452E+10", "o1"),
        ("360002", "o1"),  # as one types
        ("0036000", "o1"),
        ("o1", "o1"),
        ("O1", "o1"),
        ("o10", "o10"),
        ("0-306-40615-2", "book"),
        ("9780306406157", "book"),
        ("978-0-306", "book"),
        ("boo", "book"),
    ],
)
def test_search_finds_ids_and_gtins_as_one_types(store: CatalogStore, text: str, first: str) -> None:
    products = [
        Product("amazon", "o10", "036000 is in this title, o1 too"),
        Product("amazon", "o1", "offer", upc=EAN),
        Product("amazon", "o100", "another"),
        Product("amazon", "book", "novel", upc="0306406152"),
    ]
    store.replace("amazon", "catalog", products)
    assert ids(store.search(text, "catalog"))[0] == first


def test_words_come_before_ids_that_begin_like_them_and_a_whole_id_before_all(store: CatalogStore) -> None:
    products = [
        Product("amazon", "nikon-1", "lens", upc=UPC),
        Product("amazon", "n", "Nikon"),
        Product("amazon", "nikon", "x"),
    ]
    store.replace("amazon", "catalog", products)
    assert ids(store.search("nikon", "catalog"))[0] == "nikon"
    assert ids(store.search("nikon", "catalog")).index("n") < ids(store.search("nikon", "catalog")).index("nikon-1")
    assert ids(store.search("36", "catalog")) == [], "few digits are no beginning of a GTIN"


@pytest.mark.parametrize("version", [2, 3], ids=["released", "development"])
def test_a_catalogue_without_gtins_gets_them_when_it_is_opened(tmp_path: Path, version: int) -> None:
    path = tmp_path / "catalog.db"
    with CatalogStore(path) as store:
        store.replace("amazon", "catalog", [Product("amazon", "a", "A", upc=UPC), Product("amazon", "b", "B", upc=EAN)])
    with closing(sqlite3.connect(path)) as before:
        before.executescript(f"{_WITHOUT_GTINS} PRAGMA user_version = {version};")
    with CatalogStore(path) as store:
        assert len(store.shared_gtins()) == 2
        assert ids(store.search("36000291452")) == ["a", "b"]


_WITHOUT_GTINS = """
DROP INDEX products_by_gtin; DROP INDEX products_by_id; ALTER TABLE products DROP COLUMN gtin;
ALTER TABLE products DROP COLUMN currency; ALTER TABLE sources DROP COLUMN reader_version;
"""


@pytest.mark.parametrize("kind", ["link", "FIFO", "folder"])
def test_only_a_regular_file_is_opened_as_a_catalogue(tmp_path: Path, kind: str) -> None:
    path, elsewhere = tmp_path / "catalog.db", tmp_path / "elsewhere.db"
    elsewhere.write_bytes(b"")
    {
        "link": lambda: path.symlink_to(elsewhere),
        "FIFO": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[kind]()
    with pytest.raises(CatalogError, match=rf"{kind}, not a regular file"):
        CatalogStore(path)
    assert elsewhere.read_bytes() == b""


def test_an_open_catalogue_follows_the_file_that_takes_its_place(store: CatalogStore) -> None:
    before = store.count()
    store.path.write_bytes(b"no database" * 2000)
    with pytest.raises(CatalogError, match="damaged") as caught:
        store.count()
    assert "no label is lost" in caught.value.hint
    store.path.rename(store.path.with_name("moved away"))
    with pytest.raises(CatalogError):
        store.count()
    assert not store.path.exists()
    with CatalogStore(store.path) as again:
        again.replace("walmart", "query", [QUERY])
    assert store.count() == 1 != before


def test_an_open_catalogue_tries_again_after_a_file_that_could_not_be_opened(store: CatalogStore) -> None:
    damaged = store.path.with_name("damaged.db")
    damaged.write_bytes(b"no database" * 2000)
    damaged.replace(store.path)
    for _ in range(2):
        with pytest.raises(CatalogError, match="damaged"):
            store.count()
    store.path.unlink()
    with pytest.raises(CatalogError, match="No such file"):
        store.count()
    assert not store.path.exists()
    with CatalogStore(store.path) as again:
        again.replace("walmart", "query", [QUERY])
    assert store.count() == 1


# -- a source in both roles ----------------------------------------------------------------------------------


def test_a_source_in_both_roles_is_on_both_sides(store: CatalogStore) -> None:
    lens = Product("shop", "s1", "Nikon lens", price=5.0, currency="EUR")
    store.replace("shop", "both", [lens])
    assert [store.count(role) for role in (None, "query", "catalog", "both")] == [5, 2, 4, 1]
    assert ids(list(store.iter(role="query"))) == ["s1", "w1"]
    assert ids(list(store.iter(role="catalog"))) == ["b1", "b2", "b3", "s1"]
    assert [store.sources_in(role) for role in ("query", "catalog", "both")] == [
        ["shop", "walmart"], ["amazon", "shop"], ["shop"],
    ]  # fmt: skip
    assert ids(store.search("lens", "query")) == ids(store.search("lens", "catalog")) == ["s1"]
    assert store.has_shared_roles, "two sources have queries"
    assert set(store.other_side_currencies("catalog", "amazon")) == {"shop"}
    assert set(store.other_side_currencies("both", "shop")) == {"amazon"}


def test_one_source_in_both_roles_alone_shares_none(tmp_path: Path) -> None:
    with CatalogStore(tmp_path / "catalog.db") as alone:
        alone.replace("shop", "both", [Product("shop", "s1", "Nikon lens")])
        assert not alone.has_shared_roles
        with pytest.raises(CatalogError, match="have the role both, not query"):
            alone.replace("shop", "query", [])
        alone.replace("shop", "query", [], rules=ImportRules(change_role=True))
        assert alone.sources() == [Source("shop", "query", 1)]


def test_products_still_refer_to_their_source_after_all_migrations(store: CatalogStore) -> None:
    with closing(sqlite3.connect(store.path)) as connection:
        ((_, _, table, column, *_),) = connection.execute("PRAGMA foreign_key_list(products)").fetchall()
        assert (table, column) == ("sources", "source")
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute("INSERT INTO sources VALUES ('x', 'neither', 0)")
    with pytest.raises(CatalogError, match="FOREIGN KEY"), store._guarded() as guarded:
        guarded.execute("DELETE FROM sources")
