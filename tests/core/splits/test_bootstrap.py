"""Weak labels from GTINs and purchases: never against a person's decision, never of the validation split."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import c, match, no_match, q, unsure

from core.catalog.gtin import check_digit
from core.catalog.product import Product
from core.catalog.purchases import Purchase
from core.catalog.store import CatalogStore
from core.errors import CatalogError, CoreError
from core.settings import RetrainSettings, Settings
from core.splits.bootstrap import category_key, derive_weak_labels, purchase_pairs
from core.splits.split import Splits, splits_of
from core.splits.weak_labels import (
    DERIVED_SOURCES,
    WeakLabel,
    WeakSource,
    clear_weak_labels,
    load_weak_labels,
    save_weak_labels,
)
from core.splits.weak_training import with_weak_labels
from core.workspace import Workspace
from labels.model import MACHINE, Decision, Judgement, Pair, Verb
from labels.store import LabelStore

TODAY = date(2026, 3, 4)


def upc(number: int) -> str:
    digits = f"0360002{number:04}"
    return digits + check_digit(digits)


def made(home: Path, queries: list[Product], products: list[Product]) -> Workspace:
    workspace = Workspace(home).create()
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", queries)
        catalog.replace("amazon", "catalog", products)
    return workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Ten queries and twenty candidates of two categories; the candidates 0 to 9 have the queries' GTINs."""
    queries = [Product("walmart", f"{n}", f"Item {n}", category="Home > Mice", upc=upc(n)) for n in range(10)]
    products = [
        Product("amazon", f"{n}", f"Item {n}", category="mice" if n % 2 else "Keyboards", upc=upc(n), model=f"M{n}")
        for n in range(20)
    ]
    return made(tmp_path / "home", queries, products)


def pairs(workspace: Workspace, *, is_match: bool, file: Path | None = None) -> set[tuple[str, str]]:
    report = derive_weak_labels(workspace, Settings(), file)
    return {(w.pair.query.id, w.pair.candidate.id) for w in report.labels if w.match is is_match}


def decide(workspace: Workspace, query: str, *judgements: object, who: str = "ada") -> None:
    with LabelStore(workspace.labels) as store:
        store.record(who, Verb.ACCEPT, q(query), list(judgements))  # type: ignore[arg-type]


def draw(workspace: Workspace, *queries: str) -> None:
    with LabelStore(workspace.labels) as store:
        store.draw_validation([q(query) for query in queries], seed=1)


def test_equal_gtins_are_matches_and_negatives_are_of_the_category_with_another_gtin(workspace: Workspace) -> None:
    assert pairs(workspace, is_match=True) == {(f"{n}", f"{n}") for n in range(10)}
    negatives = pairs(workspace, is_match=False)
    assert {query for query, _ in negatives} == {f"{n}" for n in range(10)}
    assert all(int(query) % 2 == int(other) % 2 and query != other for query, other in negatives)
    assert derive_weak_labels(workspace, Settings()) == derive_weak_labels(workspace, Settings())


def test_only_valid_gtins_count(tmp_path: Path) -> None:
    codes = ["036000291453", "200000000004", "000000000000", "123", "3.6E+10", ""]
    queries = [Product("walmart", f"{n}", "x", upc=code) for n, code in enumerate(codes)]
    products = [Product("amazon", query.id, "x", upc=query.upc) for query in queries]
    assert derive_weak_labels(made(tmp_path / "home", queries, products), Settings()).labels == ()


def test_a_default_value_on_many_listings_identifies_nothing(tmp_path: Path) -> None:
    queries = [Product("walmart", "1", "x", upc=upc(1))]
    products = [Product("amazon", f"{n}", "x", upc=upc(1)) for n in range(6)]
    assert derive_weak_labels(made(tmp_path / "h", queries, products), Settings()).labels == ()


@pytest.mark.parametrize("decision", [match("3"), no_match("3"), unsure("3")])
def test_a_persons_decision_has_precedence(workspace: Workspace, decision: list[object]) -> None:
    decide(workspace, "3", *decision)
    assert ("3", "3") not in pairs(workspace, is_match=True)
    assert derive_weak_labels(workspace, Settings()).left_out["decided by people"] == 1


def test_an_automatic_decision_has_no_precedence(workspace: Workspace) -> None:
    decide(workspace, "3", *match("3"), who=MACHINE)
    assert ("3", "3") in pairs(workspace, is_match=True)


def test_no_product_of_the_validation_split_takes_part(workspace: Workspace) -> None:
    """Query 1 is drawn; candidate 5 is in its pair, and query 5 has the same GTIN as that."""
    draw(workspace, "1")
    decide(workspace, "1", *match("1"), *no_match("5"))
    both = pairs(workspace, is_match=True) | pairs(workspace, is_match=False)
    assert {"1", "5"}.isdisjoint({query for query, _ in both})
    assert {"1", "5"}.isdisjoint({other for _, other in both})


# -- purchases ------------------------------------------------------------------------------------------------


def history(folder: Path, *rows: tuple[str, str, str, int]) -> Path:
    path = folder / "purchases.csv"
    lines = [f"{who},{shop},{id_},{TODAY + timedelta(days)}" for who, shop, id_, days in rows]
    path.write_text("\n".join(["customer,retailer,product,date", *lines]) + "\n")
    return path


def test_two_products_of_a_category_bought_within_thirty_days_are_a_weak_match(tmp_path: Path) -> None:
    queries = [Product("walmart", "1", "x", category="Pets > Food"), Product("walmart", "2", "y", category="Toys")]
    products = [Product("amazon", "a", "x", category="food"), Product("amazon", "b", "y", category="Food")]
    workspace = made(tmp_path / "home", queries, products)
    file = history(
        tmp_path, ("ann", "Walmart", "1", 0), ("ann", "amazon", "a", 30), ("ann", "amazon", "b", 31),
        ("bob", "walmart", "1", 0), ("bob", "amazon", "a", -3), ("cid", "walmart", "2", 0), ("cid", "amazon", "a", 0),
        ("dan", "walmart", "1", 0), ("eve", "amazon", "a", 0),
    )  # fmt: skip
    report = derive_weak_labels(workspace, Settings(), file)
    assert report.labels == (WeakLabel(Pair(q("1"), c("a")), True, WeakSource.PURCHASES, 0.5),)
    assert report.as_dict()["sources"] == {
        "gtin": {"matches": 0, "negatives": 0}, "purchases": {"matches": 1, "negatives": 0},
    }  # fmt: skip


def test_purchases_do_not_contradict_gtins(workspace: Workspace, tmp_path: Path) -> None:
    file = history(tmp_path, ("ann", "walmart", "1", 0), ("ann", "amazon", "3", 1), ("ann", "amazon", "1", 1))
    report = derive_weak_labels(workspace, Settings(), file)
    assert {label.source for label in report.labels} == {WeakSource.GTIN}
    assert report.left_out == {"different GTINs": 1, "same GTIN": 1}


def test_a_customer_with_too_many_products_is_no_evidence() -> None:
    queries = [Product("walmart", f"{n}", "x", category="a") for n in range(30)]
    products = [Product("amazon", f"{n}", "x", category="a") for n in range(30)]
    purchases = [Purchase("till 1", product.ref, 1) for product in [*queries, *products]]
    assert purchase_pairs(purchases, queries, products, Counter()) == {}


def test_a_history_of_other_products_is_refused_and_nothing_is_replaced(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no purchase of a product in the catalogue: 1 product not in"):
        derive_weak_labels(workspace, Settings(), history(tmp_path, ("ann", "target", "1", 0)))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from("xy"), st.booleans(), st.integers(0, 3), st.integers(0, 90)), max_size=14
    )
)  # fmt: skip
def test_pairs_are_those_that_a_comparison_of_all_purchases_finds(rows: list[tuple[str, bool, int, int]]) -> None:
    queries = [Product("walmart", f"{n}", "x", category=f"{n % 2}") for n in range(4)]
    products = [Product("amazon", f"{n}", "x", category=f"{n % 2}") for n in range(4)]
    bought = [Purchase(who, (q if query else c)(f"{n}"), day) for who, query, n, day in rows]
    expected: dict[Pair, set[str]] = {}
    for one in bought:
        for other in bought:
            near = abs(one.day - other.day) <= 30 and one.customer == other.customer
            same = int(one.product.id) % 2 == int(other.product.id) % 2
            if near and same and (one.product.source, other.product.source) == ("walmart", "amazon"):
                expected.setdefault(Pair(one.product, other.product), set()).add(one.customer)
    found = purchase_pairs(bought, queries, products, Counter())
    assert found == {pair: len(who) for pair, who in expected.items()}


@pytest.mark.parametrize(
    ("text", "key"), [("Home > Pet Food", "petfood"), ("pet-food", "petfood"), ("A | B >", "b"), ("", ""), (" > ", "")]
)
def test_the_last_level_of_a_category_counts(text: str, key: str) -> None:
    assert category_key(text) == key


# -- the file -------------------------------------------------------------------------------------------------

LABELS = st.builds(
    WeakLabel,
    st.builds(Pair, st.builds(q, st.text(min_size=1)), st.builds(c, st.text(min_size=1))),
    st.booleans(), st.sampled_from(DERIVED_SOURCES), st.floats(0.01, 1),
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(LABELS, max_size=6))
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, labels: list[WeakLabel]) -> None:
    path = tmp_path_factory.mktemp("weak") / "weak_labels.jsonl"
    save_weak_labels(path, labels)
    assert load_weak_labels(path) == sorted(labels)


def test_damage_and_newer_versions_are_one_sentence(workspace: Workspace) -> None:
    path = workspace.weak_labels
    save_weak_labels(path, derive_weak_labels(workspace, Settings()).labels)
    whole = path.read_bytes()
    spoilt = [
        b"", b"{}", b"[1]\n", b"null\n", b"\xff\n", whole[:-9], whole + b"{}\n",
        whole.replace(b"walmart", b"target", 1), b"[" * 100_000,
        whole.replace(b'"version": 1', b'"version": null', 1)[:-3],
    ]  # fmt: skip
    for content in spoilt:
        path.write_bytes(content)
        with pytest.raises(CoreError, match="damaged") as found:
            load_weak_labels(path)
        assert "dataset bootstrap" in found.value.hint
    path.write_bytes(whole.replace(b'"version": 1', b'"version": 2', 1))
    with pytest.raises(CoreError, match="newer version"):
        load_weak_labels(path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(CoreError, match="cannot be read"):
        load_weak_labels(path)
    assert clear_weak_labels(path)
    assert not clear_weak_labels(path)


# -- for training ---------------------------------------------------------------------------------------------


def training(workspace: Workspace, mode: str) -> Splits:
    return with_weak_labels(
        workspace, Settings(retrain=RetrainSettings(weak_labels=mode)), splits_of(workspace, Settings())
    )


def test_weak_labels_train_only_where_the_setting_says_so(workspace: Workspace) -> None:
    assert training(workspace, "never").weak == ()
    with pytest.raises(CoreError, match="no weak labels yet"):
        training(workspace, "fill")
    save_weak_labels(workspace.weak_labels, derive_weak_labels(workspace, Settings()).labels)
    decide(workspace, "2", *match("11"))
    decide(workspace, "3", *no_match("3"))
    queries = {mode: {w.pair.query.id for w in training(workspace, mode).weak} for mode in ("never", "fill", "always")}
    assert queries["never"] == set()
    assert {"2", "3"}.isdisjoint(queries["fill"])
    # The only labelled match is held out for evaluation, and so is what is connected with it.
    assert queries["always"] == {f"{n}" for n in range(10)} - {"2"}
    assert Pair(q("3"), c("3")) not in {w.pair for w in training(workspace, "always").weak}


def test_labels_and_draws_after_the_bootstrap_have_precedence(workspace: Workspace) -> None:
    save_weak_labels(workspace.weak_labels, derive_weak_labels(workspace, Settings()).labels)
    draw(workspace, "1")
    decide(workspace, "4", *no_match("4"))
    weak = training(workspace, "always").weak
    assert {q("1"), c("1")}.isdisjoint({ref for label in weak for ref in label.pair})
    assert Pair(q("4"), c("4")) not in {label.pair for label in weak}


def test_a_pair_is_drawn_with_the_probability_of_its_weight(workspace: Workspace) -> None:
    labels = [
        WeakLabel(Pair(q(f"w{n}"), c(f"w{n}")), True, WeakSource.PURCHASES, 0.25) for n in range(1000)
    ]  # fmt: skip
    save_weak_labels(workspace.weak_labels, labels)
    drawn = training(workspace, "always").weak
    assert 190 < len(drawn) < 310
    assert drawn == training(workspace, "always").weak


GTINS = st.lists(st.integers(0, 4), min_size=5, max_size=5)
DECIDED = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from(Decision)), max_size=8)


@settings(max_examples=30)
@given(GTINS, GTINS, DECIDED, st.sets(st.integers(0, 4), max_size=2))
def test_weak_labels_never_touch_validation_or_a_decided_pair(
    of_queries: list[int], of_products: list[int], decided: list[tuple[int, int, Decision]], drawn: set[int]
) -> None:
    """Validation products by search over matches and equal GTINs; the number 0 stands for no GTIN."""
    with TemporaryDirectory() as folder:
        queries, products = (
            [Product(source, f"{n}", f"x {n}", category="a", upc=upc(g) if g else "") for n, g in enumerate(numbers)]
            for source, numbers in (("walmart", of_queries), ("amazon", of_products))
        )
        workspace = made(Path(folder) / "home", queries, products)
        draw(workspace, *(f"{n}" for n in drawn))
        for query, candidate, decision in decided:
            decide(workspace, f"{query}", Judgement(c(f"{candidate}"), decision))
        report = derive_weak_labels(workspace, Settings())
        save_weak_labels(workspace.weak_labels, report.labels)
        splits = training(workspace, "always")
    last = {(query, candidate): decision for query, candidate, decision in decided}
    # Abstentions make no label, and so no evaluated pair.
    evaluated = {q(f"{n}") for n in drawn} | set(splits.eval_queries)
    evaluated |= {c(f"{m}") for (n, m), d in last.items() if n in drawn and d is not Decision.UNSURE}
    edges = [{q(f"{n}"), c(f"{m}")} for (n, m), decision in last.items() if decision is Decision.MATCH]
    gtins = {p.ref: p.upc for p in [*queries, *products] if p.upc}
    edges += [{one, other} for one in gtins for other in gtins if gtins[one] == gtins[other]]
    for _ in edges:
        evaluated = evaluated.union(*(edge for edge in edges if edge & evaluated))
    for label in splits.weak:
        assert evaluated.isdisjoint(label.pair)
        assert (int(label.pair.query.id), int(label.pair.candidate.id)) not in last
        assert (gtins[label.pair.query] == gtins[label.pair.candidate]) is label.match
