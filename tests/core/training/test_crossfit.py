"""The matcher learns from cosines of encoders that have not seen its labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from samples import c, match, no_match, q

from core.catalog.product import Product
from core.jobs.progress import Silent
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.splits.split import Splits, split_labels
from core.splits.weak_labels import WeakLabel, WeakSource
from core.training.cross_fitting import out_of_fold_cosines
from labels.model import Pair, ProductRef, Side
from labels.store import LabelStore

QUERIES = 220
CORPUS = Corpus(
    [Product("walmart", f"q{n}", f"query {n}") for n in range(QUERIES)],
    [Product("amazon", f"c{n}", f"candidate {n}") for n in range(3 * QUERIES)],
)
SETTINGS = Settings.model_validate({"encoder": {"template": "{title}"}})


class Trained:
    """Encoders that give every pair the cosine by which a test knows them, and what each was trained on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.splits: dict[str, Splits] = {}
        self.base = EncoderModel("base", folder / "base" / "merged")

    def train(self, splits: Splits, stage: str) -> EncoderModel:
        name = f"m{len(self.splits) + 1}"
        self.splits[name] = splits
        path = self.folder / name / "merged"
        path.mkdir(parents=True)
        return EncoderModel(name, path)

    def encoder(self, model: EncoderModel, **_: object) -> "Trained.Encoder":
        return Trained.Encoder({"base": 0.0, "m1": 0.1, "m2": 0.2}[model.id])

    class Encoder:
        def __init__(self, cosine: float) -> None:
            self.cosine = cosine

        def encode(self, texts: Sequence[str]) -> np.ndarray:
            """Queries along the first axis, candidates at an angle to it."""
            other = [self.cosine, np.sqrt(1 - self.cosine**2)]
            return np.array([[1, 0] if text.startswith("query") else other for text in texts], np.float32)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Trained:
    made = Trained(tmp_path / "models")
    monkeypatch.setattr("core.training.cross_fitting.Encoder", made.encoder)
    return made


@pytest.fixture
def splits(tmp_path: Path) -> Splits:
    """Two matches and a rejection for each of sixty queries."""
    with LabelStore(tmp_path / "labels.db") as store:
        answers = [
            (q(f"q{n}"), [*match(f"c{3 * n}", f"c{3 * n + 1}"), *no_match(f"c{3 * n + 2}")], True)
            for n in range(QUERIES)
        ]
        store.record_all("ada", answers, side=Side.TRAIN)
        return split_labels(store, held_out=1e-9, seed=1)


def cosines(trained: Trained, splits: Splits, corpus: Corpus = CORPUS) -> dict[Pair, float]:
    return out_of_fold_cosines(SETTINGS, corpus, splits, trained.base, trained.train, Silent())


def test_each_cosine_is_of_an_encoder_whose_labels_lack_the_query(trained: Trained, splits: Splits) -> None:
    found = cosines(trained, splits)
    assert set(found) == {label.pair for label in splits.train}
    seen = {name: {label.pair.query for label in part.train} for name, part in trained.splits.items()}
    by = {pair: {0.1: "m1", 0.2: "m2"}[round(cosine, 3)] for pair, cosine in found.items()}
    assert set(by.values()) == {"m1", "m2"}
    assert not {pair for pair, name in by.items() if pair.query in seen[name]}


def test_the_halves_share_no_query_and_are_all_of_them(trained: Trained, splits: Splits) -> None:
    cosines(trained, splits)
    one, other = ({label.pair.query for label in part.train} for part in trained.splits.values())
    assert not one & other
    assert one | other == {label.pair.query for label in splits.train}
    assert min(len(one), len(other)) > QUERIES / 5
    for part in trained.splits.values():
        assert replace(part, train=()) == replace(splits, train=()), "what is judged on stays out of both"


def test_queries_of_one_product_are_in_one_half(trained: Trained, splits: Splits) -> None:
    """The queries q0 and q1 match one product, q2 and q3 another, and so on; the rest of the draw stays as it is."""
    cosines(trained, splits)
    alone = [{label.pair.query for label in part.train} for part in trained.splits.values()]
    trained.splits.clear()
    shared = {q(f"q{n}"): splits.matches.get(q(f"q{n}"), frozenset()) | {c(f"s{n // 2}")} for n in range(20)}
    cosines(trained, replace(splits, matches={**splits.matches, **shared}))
    halves = [{label.pair.query for label in part.train} for part in trained.splits.values()]
    for n in range(0, 20, 2):
        assert len({q(f"q{n}"), q(f"q{n + 1}")} & halves[0]) != 1
    later = {q(f"q{n}") for n in range(20, QUERIES)}
    assert [half & later for half in halves] == [half & later for half in alone]


def test_weak_labels_of_a_held_out_query_or_its_matches_stay_out_of_its_half(trained: Trained, splits: Splits) -> None:
    weak = [WeakLabel(Pair(q(f"q{n}"), c("w")), True, WeakSource.GTIN) for n in range(QUERIES)]
    weak += [WeakLabel(Pair(q("other"), c(f"c{n}")), True, WeakSource.GTIN) for n in range(3 * QUERIES)]
    cosines(trained, replace(splits, weak=tuple(weak)))
    for part in trained.splits.values():
        held_out = {label.pair.query for label in splits.train} - {label.pair.query for label in part.train}
        matched = frozenset[ProductRef]().union(*(splits.matches[query] for query in held_out))
        used = {ref for label in part.weak for ref in label.pair}
        assert used
        assert used.isdisjoint(held_out | matched)


def test_the_encoders_are_removed_again(trained: Trained, splits: Splits) -> None:
    cosines(trained, splits)
    assert list(trained.folder.iterdir()) == []


def test_few_matches_are_judged_by_the_untuned_encoder(trained: Trained, splits: Splits) -> None:
    few = replace(splits, train=splits.train[:90])
    found = cosines(trained, few)
    assert trained.splits == {}
    assert set(found) == {label.pair for label in few.train}
    assert set(found.values()) == {0.0}


def test_products_that_are_gone_are_left_out(trained: Trained, splits: Splits) -> None:
    gone: set[ProductRef] = {q("q5"), c("c30")}
    corpus = Corpus([p for p in CORPUS.queries if p.ref not in gone], [p for p in CORPUS.products if p.ref not in gone])
    found = cosines(trained, splits, corpus)
    assert set(found) == {label.pair for label in splits.train if not {*label.pair} & gone}


def test_an_encoder_that_fails_leaves_nothing_behind(
    trained: Trained, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.training.cross_fitting.Encoder", broken)
    with pytest.raises(KeyboardInterrupt):
        cosines(trained, splits)
    assert list(trained.folder.iterdir()) == []
