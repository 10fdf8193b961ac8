"""The benchmark in its published layout."""

import time
from pathlib import Path

import pytest

from core.catalog.benchmarks import import_walmart_amazon
from core.catalog.store import CatalogStore, ImportCount
from core.errors import CatalogError
from labels.model import ProductRef

DATA = Path(__file__).parents[3].parent / "shared" / "data" / "walmart_amazon"
HEADER = "id,title,category,brand,modelno,price\n"


def write(folder: Path) -> Path:
    (folder / "tableA.csv").write_text(HEADER + "0,draper remote,electronics,draper,121066,58.45\n")
    (folder / "tableB.csv").write_text(HEADER + "0,koss eq50,headphones,koss,152132,0\n,x,,,,cheap\n")
    return folder


def test_both_tables_are_imported(tmp_path: Path) -> None:
    seen: list[int] = []
    with CatalogStore(tmp_path / "c.db") as store:
        reports = import_walmart_amazon(store, write(tmp_path), seen.append, rejects_folder=tmp_path)
        draper = store.get(ProductRef("walmart", "0"))
        koss = store.get(ProductRef("amazon", "0"))
    assert [(r.source, r.role, r.counts.added) for r in reports] == [
        ("walmart", "query", 1),
        ("amazon", "catalog", 1),
    ]
    assert reports[1].rejects_path == tmp_path / "rejects-amazon.csv"
    assert seen == [1, 3]
    assert draper is not None
    assert (draper.model, draper.price, draper.extra) == ("121066", 58.45, {})
    assert koss is not None
    assert koss.price is None


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    (write(tmp_path) / "tableB.csv").unlink()
    with CatalogStore(tmp_path / "c.db") as store:
        with pytest.raises(CatalogError, match=r"no tableB\.csv in"):
            import_walmart_amazon(store, tmp_path)
        assert store.sources() == []


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "tableB.csv").is_file(), reason="the Walmart-Amazon tables are not here")
def test_the_published_tables_in_seconds(tmp_path: Path) -> None:
    with CatalogStore(tmp_path / "c.db") as store:
        begun = time.process_time()
        reports = import_walmart_amazon(store, DATA)
        # About 1.5 s on two slow cores; the bound only catches something quadratic.
        assert time.process_time() - begun < 20
        assert [report.counts for report in reports] == [ImportCount(added=2554), ImportCount(added=22074)]
        assert not any(report.rejected for report in reports)
        assert all(report.seconds > 0 for report in reports)
        again = import_walmart_amazon(store, DATA)
        assert [report.counts for report in again] == [
            ImportCount(unchanged=2554),
            ImportCount(unchanged=22074),
        ]
        assert "kodak" in store.search("kodak 1163641")[0].title
