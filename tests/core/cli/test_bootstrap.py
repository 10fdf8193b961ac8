"""`samesku dataset bootstrap`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import HOSTILE, stray

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.diagnostics import damages
from core.splits.weak_labels import load_weak_labels
from core.workspace import Workspace

Call = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two products with a GTIN that both retailers list, and one for purchases."""
    workspace = Workspace(tmp_path / "home").create()
    codes = {"1": "036000291452", "2": "4006381333931"}
    with CatalogStore(workspace.catalog) as catalog:
        for source, role in (("walmart", "query"), ("amazon", "catalog")):
            products = [Product(source, n, f"Item {n}", category="Pens", upc=codes.get(n, "")) for n in "123"]
            catalog.replace(source, role, products)  # type: ignore[arg-type]
    return workspace.home


@pytest.fixture
def purchases(tmp_path: Path) -> Path:
    path = tmp_path / "purchases.csv"
    path.write_text("who,retailer,product,date\nann,walmart,3,2026-01-01\nann,amazon,3,2026-01-09\n,amazon,3,x\n")
    return path


def test_the_counts_by_source_and_the_warning(call: Call, home: Path, purchases: Path) -> None:
    given = ("--home", home, "dataset", "bootstrap", "--purchases", purchases, "--map", "customer=who")
    answer = call(*given, "--dry-run")
    assert answer.code == 0, answer.err
    assert not Workspace(home).weak_labels.exists()
    assert "gtin: 2 matches, 2 negatives\npurchases: 1 match, 0 negatives\n" in answer.out
    assert "3 purchases read: customer from who, " in answer.out
    assert "1 row skipped: 1 no customer" in answer.out
    assert "Nothing was written." in answer.out
    assert "weak evidence" in answer.err
    found = call("--json", *given).json
    assert found["sources"]["purchases"] == {"matches": 1, "negatives": 0}
    assert (found["rows"], found["dry_run"], found["used"]) == (5, False, "never")
    assert len(load_weak_labels(Workspace(home).weak_labels)) == 5


def test_a_further_run_replaces_and_clear_removes(call: Call, home: Path, purchases: Path) -> None:
    path = Workspace(home).weak_labels
    call("--home", home, "dataset", "bootstrap", "--purchases", purchases, "--map", "customer=who")
    assert "They do not train yet" in call("--home", home, "dataset", "bootstrap").out
    assert {label.source for label in load_weak_labels(path)} == {"gtin"}
    assert "There are weak labels" in call("--home", home, "dataset", "bootstrap", "--clear", "--dry-run").out
    assert path.exists()
    assert call("--home", home, "--json", "dataset", "bootstrap", "--clear").json == {"cleared": True, "dry_run": False}
    assert not path.exists()
    assert "There are no weak labels." in call("--home", home, "dataset", "bootstrap", "--clear").out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"customer,retailer,product,date\n", "it has no rows"),
        (b"customer,retailer,product,date\na,b,c,d\n", "1 no readable date"),
        (b"a,b\n1,2\n", "looks like the customer"),
        (b"\x89PNG\r\n\x1a\n", "is an image"),
        (b"PAR1 cut off", "p.csv"),
        (b"SQLite format 3\0 cut off", "p.csv"),
        (b'{"customer": "a", "retailer": "walmart"', "p.csv"),
    ],
)
def test_a_broken_history_is_one_sentence_and_loses_nothing(
    call: Call, home: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    call("--home", home, "dataset", "bootstrap")
    before = Workspace(home).weak_labels.read_bytes()
    (tmp_path / "p.csv").write_bytes(content)
    answer = call("--home", home, "dataset", "bootstrap", "--purchases", tmp_path / "p.csv")
    assert answer.code == 1
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert Workspace(home).weak_labels.read_bytes() == before


def test_hostile_text_is_inert(call: Call, home: Path, tmp_path: Path) -> None:
    texts = [text for text in HOSTILE if "\0" not in text and len(text) < 200]
    rows = [
        {f"who {text}": text, "retailer": shop, "product": "3", "date": "2026-01-01"}
        for text in texts
        for shop in ("walmart", "amazon", text)
    ]
    path = tmp_path / "h.jsonl"
    for text, row in zip(texts, rows[::3], strict=True):
        path.write_text("\n".join(json.dumps(each) for each in (row, rows[-1])))
        options = ("--purchases", path, "--map", f"customer=who {text}")
        answer = call("--home", home, "dataset", "bootstrap", "--dry-run", *options)
        assert stray((answer.out + answer.err).replace("\n", "").replace("\t", "")) == []


def test_options_that_contradict_each_other_are_refused(call: Call, home: Path, purchases: Path) -> None:
    assert call("--home", home, "dataset", "bootstrap", "--clear", "--purchases", purchases).code == 2
    assert call("--home", home, "dataset", "bootstrap", "--map", "date=x").code == 2
    assert call("--home", home / "none", "dataset", "bootstrap").code == 1


def test_the_doctor_names_a_damaged_file(call: Call, home: Path) -> None:
    call("--home", home, "dataset", "bootstrap")
    path = Workspace(home).weak_labels
    assert damages(Workspace(home)) == []
    path.write_bytes(path.read_bytes()[:-5])
    (found,) = damages(Workspace(home))
    assert str(found) == (
        "weak_labels.jsonl is damaged: it cannot be read. `samesku dataset bootstrap` makes it again."
    )
    assert call("--home", home, "dataset", "bootstrap").code == 0
    assert damages(Workspace(home)) == []
