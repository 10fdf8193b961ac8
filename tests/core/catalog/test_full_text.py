"""Words inside runs that are written without spaces."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.catalog.full_text import grams_expression, grams_of, has_unspaced_script, with_spaces
from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.queue.past_work import folded

TITLES = {
    "zh": "索尼电视机XR65超高清",
    "ja": "ソニー液晶テレビ 65インチ",
    "ko": "삼성갤럭시스마트폰 케이스",
    "th": "ตู้เย็นสองประตู",
    "en": "Sony television XR65",
    "both": "Sony 电视 stand",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CatalogStore]:
    with CatalogStore(tmp_path / "catalog.db") as opened:
        opened.replace("shop", "catalog", [Product("shop", id_, title) for id_, title in TITLES.items()])
        yield opened


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("电视", {"zh", "both"}),
        ("视机", {"zh"}),
        ("电视机", {"zh"}),
        ("机", {"zh"}),
        ("视", {"zh", "both"}),
        ("高清", {"zh"}),
        ("清", {"zh"}),
        ("索尼 高清", {"zh"}),
        ("高清 索尼", {"zh"}),
        ("机视", set()),
        ("电机", set()),
        ("xr65", {"zh", "en"}),
        ("XR6", {"zh", "en"}),
        ("电视机xr65", {"zh"}),
        ("sony 电视", {"both"}),
        ("电视 sony", {"both"}),
        ("电视 son", {"both"}),
        ("テレビ", {"ja"}),
        ("ﾃﾚﾋﾞ", {"ja"}),
        ("液晶", {"ja"}),
        ("65", {"ja"}),
        ("갤럭시", {"ko"}),
        ("스마트", {"ko"}),
        ("이스", {"ko"}),
        ("เย็น", {"th"}),
        ("ประตู", {"th"}),
        ("television", {"en"}),
        ('电"视', {"zh", "both"}),
        ("电*", {"zh", "both"}),
    ],
)
def test_what_stands_inside_a_run_is_found(store: CatalogStore, text: str, found: set[str]) -> None:
    assert {product.id for product in store.search(text)} == found


def test_it_follows_changes_and_knows_the_roles(store: CatalogStore) -> None:
    store.replace("shop", "catalog", [Product("shop", "zh", "尼康相机"), Product("shop", "en", "电视")])
    assert [product.id for product in store.search("视")] == ["en", "both"]
    assert [product.id for product in store.search("康相", "catalog")] == ["zh"]
    assert store.search("康相", "query") == []
    store.replace("shop", "catalog", [Product("shop", "zh", "Nikon")], prune=True)
    assert store.search("相") == []
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT count(*) FROM grams").fetchone() == (0,)


def test_products_without_such_a_run_are_indexed_once(store: CatalogStore) -> None:
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT count(*) FROM grams").fetchone() == (len(TITLES) - 1,)


def test_the_better_hit_comes_first(store: CatalogStore) -> None:
    products = [Product("b", "long", "电视机柜" + "很长的名字" * 9), Product("b", "short", "电视机柜")]
    store.replace("b", "catalog", products)
    assert [product.id for product in store.search("视机柜")] == ["short", "long"]


def test_a_catalogue_of_an_earlier_version_is_searched_alike(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with CatalogStore(path) as store:
        store.replace("shop", "catalog", [Product("shop", str(n), f"索尼电视机{n}") for n in range(1500)])
    with closing(sqlite3.connect(path)) as before:
        for (trigger,) in before.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%grams%'"
        ).fetchall():
            before.execute(f"DROP TRIGGER {trigger}")
        before.executescript("DROP TABLE grams_fts; DROP TABLE grams; PRAGMA user_version = 5")
    with CatalogStore(path) as store:
        assert store.search("视机")
        assert store.with_word_prefix("视机1499", 10) is not None
        assert not store.repair_search()


@pytest.mark.parametrize(
    "damage", ["DELETE FROM grams_fts_data", "UPDATE grams_fts_data SET block = x'00'", "DROP TABLE grams_fts"]
)
def test_a_damaged_index_is_made_again(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "catalog.db"
    with CatalogStore(path) as store:
        store.replace("shop", "catalog", [Product("shop", "1", "索尼电视机")])
    with closing(sqlite3.connect(path)) as db:
        db.execute(damage)
        db.commit()
    with CatalogStore(path) as store:
        assert store.repair_search()
        assert [product.id for product in store.search("视机")] == ["1"]
        assert not store.repair_search()


def test_past_work_is_found_by_what_stands_inside_a_run(store: CatalogStore) -> None:
    assert folded("电视") in folded("索尼电视机")
    assert folded("视电") not in folded("索尼电视机")
    assert folded("rand") not in folded("brand")
    found = store.with_word_prefix("视机", 10)
    assert found is not None
    assert [ref.id for ref in found] == ["zh"]


def test_runs_and_words() -> None:
    assert [has_unspaced_script(text) for text in ("", "brand é", "Ä电", "ж")] == [False, False, True, False]
    assert grams_of("索尼TV 电视机").split() == ["索尼", "尼", "tv", "电视", "视机", "机"]
    assert with_spaces("a电视b") == "a 电 视 b"
    assert grams_expression([]) == ""
    assert grams_expression(["--"]) == ""
