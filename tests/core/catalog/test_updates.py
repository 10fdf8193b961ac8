"""What a second import may do to a source: its role, pruning, and what is kept of articles that were replaced."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.catalog.importer import ImportOptions, ImportReport, import_file
from core.catalog.product import Product
from core.catalog.store import CatalogStore, ImportRules
from core.catalog.upsert import LargePruneError
from core.errors import CatalogError
from labels.model import ProductRef

CAUTIOUS = ImportRules(cautious=True)
HEADER = "id,title,price"
ROWS = [f"{number},Product number {number},1.00" for number in range(1, 21)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CatalogStore]:
    with CatalogStore(tmp_path / "catalog.db") as opened:
        yield opened


def load(store: CatalogStore, rows: list[str], header: str = HEADER, **options: Any) -> ImportReport:
    path = store.path.with_name("products.csv")
    path.write_text("\n".join([header, *rows]) + "\n")
    return import_file(store, path, options.pop("source", "shop"), ImportOptions(**options))


def ids(store: CatalogStore) -> set[str]:
    return {product.id for product in store.iter()}


# -- roles ---------------------------------------------------------------------------------------------------


def test_a_source_keeps_its_role_where_none_is_given(store: CatalogStore) -> None:
    assert load(store, ROWS).role == "catalog"
    assert load(store, ROWS, source="mine", role="query").role_before is None
    report = load(store, ROWS, source="mine")
    assert (report.role, report.role_before) == ("query", "query")
    assert {source.name: source.role for source in store.sources()} == {"mine": "query", "shop": "catalog"}


@pytest.mark.parametrize("dry", [False, True])
def test_another_role_is_refused_unless_it_is_asked_for_by_name(store: CatalogStore, dry: bool) -> None:
    load(store, ROWS)
    with pytest.raises(CatalogError, match="have the role catalog, not query") as caught:
        load(store, ["99,new,"], role="query", dry=dry)
    assert "--change-role" in caught.value.hint
    assert (store.role_of("shop"), "99" in ids(store)) == ("catalog", False)
    report = load(store, ROWS, role="query", rules=ImportRules(change_role=True))
    assert (report.role_before, store.role_of("shop")) == ("catalog", "query")


# -- pruning -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    ["1,,1.00", "1,Product number 1,cheap", '1,Product, number 1,1.00,a,b', '"1","Product "number" 1,1.00'],
    ids=["no title", "price", "commas", "quotes"],
)  # fmt: skip
def test_a_product_whose_row_was_rejected_is_not_pruned(store: CatalogStore, bad: str) -> None:
    load(store, ROWS)
    report = load(store, [bad, *ROWS[2:]], prune=True, rules=CAUTIOUS)
    assert ids(store) == {row.partition(",")[0] for row in ROWS} - {"2"}
    assert (report.counts.removed, report.counts.unread) == (1, 0)


def test_the_id_of_a_rejected_row_is_found_in_its_own_column(store: CatalogStore) -> None:
    header, rows = "title;id", [f"Product number {number};{number}" for number in range(1, 21)]
    load(store, rows, header)
    report = load(store, ["Product number 1;1;x;y", *rows[2:]], header, prune=True, rules=CAUTIOUS)
    assert (report.counts.removed, "1" in ids(store), "2" in ids(store)) == (1, True, False)


def test_the_id_of_a_broken_json_line_is_found(store: CatalogStore) -> None:
    path = store.path.with_name("products.jsonl")
    lines = [f'{{"id": "{number}", "title": "Product {number}"}}' for number in range(1, 21)]
    path.write_text("\n".join(lines))
    import_file(store, path, "shop")
    path.write_text("\n".join(['{"id": "1", "title": "Product 1"', *lines[2:]]))
    counts = import_file(store, path, "shop", ImportOptions(prune=True, rules=CAUTIOUS)).counts
    assert (counts.removed, counts.unread, "1" in ids(store)) == (1, 0, True)


@pytest.mark.parametrize("bad", [",Product number 1,1.00", "another,one,1.00,a,b"])
def test_nothing_is_pruned_while_the_id_of_a_row_cannot_be_read(store: CatalogStore, bad: str) -> None:
    load(store, ROWS)
    counts = load(store, [bad, *ROWS[1:]], prune=True, rules=CAUTIOUS).counts
    assert (counts.vanished, counts.removed, counts.unread) == (1, 0, 1)
    assert len(ids(store)) == 20
    assert load(store, [bad, *ROWS[1:]], prune=True).counts.removed == 1


@pytest.mark.parametrize(("kept", "refused"), [(18, False), (17, True)])
def test_more_than_a_tenth_is_only_pruned_where_that_is_confirmed(
    store: CatalogStore, kept: int, refused: bool
) -> None:
    load(store, ROWS)
    if refused:
        with pytest.raises(LargePruneError) as caught:
            load(store, [*ROWS[:kept], "99,new,"], prune=True, rules=CAUTIOUS)
        assert (caught.value.removed, caught.value.products, len(ids(store))) == (3, 20, 20)
        assert "--yes" in caught.value.hint
    told = load(store, ROWS[:kept], prune=True, rules=CAUTIOUS, dry=True)
    assert told.counts.removed == 20 - kept
    load(store, ROWS[:kept], prune=True, rules=ImportRules(cautious=not refused))
    assert len(ids(store)) == kept


# -- articles that were replaced -----------------------------------------------------------------------------


def test_a_labelled_product_that_is_replaced_or_goes_is_named_and_kept(store: CatalogStore) -> None:
    listed = [Product("shop", str(number), f"Sony television {number}", price=1.0) for number in range(3)]
    store.replace("shop", "catalog", listed)
    labelled = {ProductRef("shop", "0"), ProductRef("shop", "1"), ProductRef("shop", "2")}
    rules = ImportRules(labelled=labelled - {ProductRef("shop", "2")})
    changed = [Product("shop", "0", "Garden hose, green"), Product("shop", "2", "Garden hose, red")]
    dry = store.compare("shop", "catalog", changed, prune=True, rules=rules)
    assert not store.former_articles()
    done = store.replace("shop", "catalog", changed, prune=True, rules=rules)
    assert dry.replaced == done.replaced
    assert [(each.ref.id, each.before, each.after) for each in done.replaced] == [
        ("0", "Sony television 0", "Garden hose, green"), ("1", "Sony television 1", None),
    ]  # fmt: skip
    former = store.former_articles()
    assert {ref.id: [each.product.title for each in articles] for ref, articles in former.items()} == {
        "0": ["Sony television 0"], "1": ["Sony television 1"],
    }  # fmt: skip


def test_small_edits_are_no_other_article(store: CatalogStore) -> None:
    store.replace("shop", "catalog", [Product("shop", "1", "Sonny television", price=1.0)])
    edited = [Product("shop", "1", "Sony television", price=2.0)]
    assert not store.replace("shop", "catalog", edited, rules=ImportRules(labelled={ProductRef("shop", "1")})).replaced
    assert not store.former_articles()


def test_where_nobody_knows_what_is_labelled_every_former_article_is_kept(store: CatalogStore) -> None:
    store.replace("shop", "catalog", [Product("shop", "1", "Sony television")])
    counts = store.replace("shop", "catalog", [Product("shop", "1", "Garden hose")])
    assert (counts.replaced, len(store.former_articles())) == ((), 1)


def test_the_mark_changes_with_the_content_alone(store: CatalogStore) -> None:
    assert not store.mark
    load(store, ROWS)
    mark = store.mark
    assert mark
    load(store, ROWS)
    assert store.mark == mark
    load(store, ROWS, role="query", rules=ImportRules(change_role=True))
    assert store.mark != mark
