"""Export of training data for sentence-transformers, as JSON lines or a `datasets` folder."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.catalog.template import render
from core.errors import CoreError
from core.json_store import save
from core.packages import install_hint
from core.retrieval.corpus import Corpus
from core.settings import Settings
from core.splits.dataset_card import DatasetCard, make_card
from core.splits.leakage import check_leakage
from core.splits.match_groups import known_groups
from core.splits.split import Splits, splits_of
from core.splits.training_data import training_labels_of, training_triplets, weak_labels_of
from core.splits.triplets import match_counts, negative_counts
from core.splits.weak_training import with_weak_labels
from core.workspace import Workspace
from labels.exchange.files import output_text, require_folder, unknown_ending
from labels.exchange.json_values import json_text
from labels.files import drafts, publish
from labels.model import Pair, ProductRef

#: Column → values, in the column order that the losses of sentence-transformers expect.
Columns = dict[str, list[str] | list[int]]

#: Name of the card in the folder of a data set; beside a .jsonl file it ends in this name.
CARD_NAME = "card.json"
#: Endings of tables, which are not names of folders.
_OTHER_TABLES = frozenset({".csv", ".tsv", ".json", ".parquet", ".xlsx", ".xlsm", ".xls"})


class Kind(StrEnum):
    """The kind of a row."""

    TRIPLETS = "triplets"
    PAIRS = "pairs"


@dataclass(frozen=True, slots=True)
class DatasetExport:
    """The result of an export.

    Attributes:
        rows: number of rows.
        held_out: number of labelled queries held out for evaluation, if there is no manual validation set.
        card: the data set card.
        card_path: where it is.
    """

    rows: int
    held_out: int
    card: DatasetCard
    card_path: Path


def write_dataset(
    workspace: Workspace, settings: Settings, kind: Kind, out: Path, *, negatives: int = 3, with_sources: bool = False
) -> DatasetExport:
    """Write the training data of `retrain`: the training split only, without anything linked to validation.

    `triplets` have the columns `anchor`, `positive` and `negative`, with a row per hard negative of a match. `pairs`
    have `sentence1`, `sentence2` and `label`, 1 for a match.
    (https://sbert.net/docs/sentence_transformer/loss_overview.html)

    The columns `source` and, for triplets, `negative_source` say where a row comes from. They are added if weak labels
    take part, so that these are never taken for decisions of people.

    Args:
        workspace: the workspace.
        settings: for the text template, the mix of negatives, the weak labels, and the held-out share.
        kind: the kind of rows.
        out: a file ending in .jsonl, or a folder for `datasets.load_from_disk`.
        negatives: maximum number of hard negatives of each match.
        with_sources: whether to add the source columns in any case.

    Raises:
        CoreError: there is no training data, the folder exists or cannot be written, `datasets` is not installed, or
            evaluation data would be written.
        LabelsError: the folder of `out` does not exist, or the file cannot be written.
    """
    require_folder(out)
    if out.suffix.lower() in _OTHER_TABLES:
        message, hint = unknown_ending(out, (".jsonl",))
        raise CoreError(message, f"{hint} A name without an ending is a folder for datasets.load_from_disk.")
    corpus = Corpus.read(workspace)
    splits = with_weak_labels(workspace, settings, splits_of(workspace, settings))
    data = (
        _triplets(workspace, settings, corpus, splits, negatives) if kind is Kind.TRIPLETS else _pairs(corpus, splits)
    )
    if not data.rows:
        raise CoreError(
            f"There are no {kind} to write yet.", "Accept some matches first; `samesku index` finds hard negatives."
        )
    leakage = check_leakage(splits, data.rows, data.matches, known_groups(splits, corpus))
    columns = _columns(data, settings, corpus, with_sources=with_sources or settings.retrain.weak_labels != "never")
    card = make_card(
        kind.value, _as_rows(columns), splits, leakage, settings, hard_negatives=negatives,
        matches=data.match_counts, negatives=data.negative_counts,
    )  # fmt: skip
    card_path = out.with_suffix(f".{CARD_NAME}") if out.suffix.lower() == ".jsonl" else out / CARD_NAME
    if out.suffix.lower() == ".jsonl":
        _write_lines(columns, out)
        save(card_path, card.as_dict())
    else:
        _write_folder(columns, card, out)
    return DatasetExport(card.rows, 0 if splits.manual else len(splits.eval_queries), card, card_path)


@dataclass(frozen=True, slots=True)
class _Data:
    """The rows of an export.

    Attributes:
        rows: the products of each row, the query first.
        names: of the text columns.
        further: the columns that losses use beside the texts.
        sources: the columns that say where a row comes from.
        matches: the matches among the rows.
        match_counts, negative_counts: source → number.
    """

    rows: list[tuple[ProductRef, ...]]
    names: tuple[str, ...]
    further: Columns
    sources: Columns
    matches: list[Pair]
    match_counts: dict[str, int]
    negative_counts: dict[str, int]


def _triplets(workspace: Workspace, settings: Settings, corpus: Corpus, splits: Splits, negatives: int) -> _Data:
    triplets = training_triplets(workspace, settings.retrain, corpus, splits, negatives)
    rows = [(t, negative, source) for t in triplets for negative, source in zip(t.negatives, t.sources, strict=True)]
    return _Data(
        rows=[(t.anchor, t.positive, negative) for t, negative, _ in rows],
        names=("anchor", "positive", "negative"),
        further={},
        sources={"source": [t.source for t, *_ in rows], "negative_source": [source.value for *_, source in rows]},
        matches=[Pair(t.anchor, t.positive) for t in triplets],
        match_counts=match_counts(triplets),
        negative_counts=negative_counts(triplets),
    )


def _pairs(corpus: Corpus, splits: Splits) -> _Data:
    rows = [(label.pair, bool(label.match), label.strength.value) for label in training_labels_of(corpus, splits)]
    rows += [(label.pair, label.match, label.source.value) for label in weak_labels_of(corpus, splits)]
    return _Data(
        rows=[tuple(pair) for pair, *_ in rows],
        names=("sentence1", "sentence2"),
        further={"label": [int(match) for _, match, _ in rows]},
        sources={"source": [source for *_, source in rows]},
        matches=[pair for pair, match, _ in rows if match],
        match_counts=dict(Counter(source for _, match, source in rows if match)),
        negative_counts=dict(Counter(source for _, match, source in rows if not match)),
    )


def _columns(data: _Data, settings: Settings, corpus: Corpus, *, with_sources: bool) -> Columns:
    texts = {p.ref: render(settings.encoder.template, p) for p in [*corpus.queries, *corpus.products]}
    columns: Columns = {name: [texts[row[place]] for row in data.rows] for place, name in enumerate(data.names)}
    return {**columns, **data.further, **(data.sources if with_sources else {})}


def _as_rows(columns: Columns) -> Iterator[dict[str, object]]:
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, row, strict=True))


def _write_lines(columns: Columns, path: Path) -> None:
    with output_text(path) as out:
        for row in _as_rows(columns):
            out.write(json_text(row) + "\n")


def _write_folder(columns: Columns, card: DatasetCard, path: Path) -> None:
    if path.exists():
        raise CoreError(f"{path} already exists.", "Remove it first, or name another folder.")
    try:
        from datasets import Dataset, disable_progress_bars
    except ImportError as error:
        raise CoreError(
            "A dataset folder needs datasets, which is not installed.",
            f"Name a .jsonl file, or install it. {install_hint('train')}",
        ) from error
    disable_progress_bars()
    try:
        with drafts(path.parent) as folder:
            Dataset.from_dict(columns).save_to_disk(str(folder / "complete"))
            save(folder / "complete" / CARD_NAME, card.as_dict())
            publish(folder / "complete", path)
    except OSError as error:
        raise CoreError(f"{path} cannot be written: {error.strerror}.", "Choose another folder.") from error
