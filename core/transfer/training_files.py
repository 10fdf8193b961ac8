"""Training data for sentence-transformers as a file or a folder, with the texts that an encoder reads."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.catalog.template import render
from core.errors import CoreError
from core.retrieval.index_run import Corpus
from core.settings import Settings
from core.splits.split import Splits, splits_of
from core.splits.training_data import training_labels_of, training_triplets
from core.workspace import Workspace
from labels.exchange.files import output_text
from labels.exchange.json_values import json_text
from labels.files import drafts, publish

#: Rows by column, in the order that a loss of sentence-transformers takes them in.
Columns = dict[str, list[str] | list[int]]


class Kind(StrEnum):
    """What a row is."""

    TRIPLETS = "triplets"
    PAIRS = "pairs"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        rows: how many.
        held_out: how many labelled queries were kept back to judge on, while there is no validation set.
    """

    rows: int
    held_out: int


def write_dataset(workspace: Workspace, settings: Settings, kind: Kind, out: Path) -> Written:
    """Write what `retrain` would learn from: the training side alone, without anything that is tied to validation.

    `triplets`: `anchor`, `positive`, `negative`, a row for every hard negative of a match. `pairs`: `sentence1`,
    `sentence2` and `label`, 1 for a match. (https://sbert.net/docs/sentence_transformer/loss_overview.html)

    Args:
        workspace: which.
        settings: the text template, how many negatives, and what to hold out.
        kind: of the rows.
        out: JSON lines by this ending, else a folder for `datasets.load_from_disk`.

    Raises:
        CoreError: there is nothing to learn from, the folder exists or cannot be written, `datasets` is not installed.
        LabelsError: the file cannot be written.
    """
    corpus = Corpus.read(workspace)
    splits = splits_of(workspace, settings)
    make = _triplets if kind is Kind.TRIPLETS else _pairs
    columns = make(workspace, settings, corpus, splits)
    rows = len(next(iter(columns.values())))
    if not rows:
        raise CoreError(
            f"There are no {kind} to write yet.", "Accept some matches first; `samesku index` finds rivals."
        )
    if out.suffix == ".jsonl":
        _write_lines(columns, out)
    else:
        _write_folder(columns, out)
    return Written(rows, 0 if splits.manual else len(splits.eval_queries))


def _triplets(workspace: Workspace, settings: Settings, corpus: Corpus, splits: Splits) -> Columns:
    texts = {p.ref: render(settings.encoder.template, p) for p in [*corpus.queries, *corpus.products]}
    rows = [
        (texts[triplet.anchor], texts[triplet.positive], texts[negative])
        for triplet in training_triplets(workspace, settings, corpus, splits)
        for negative in triplet.negatives
    ]
    return {name: [row[i] for row in rows] for i, name in enumerate(("anchor", "positive", "negative"))}


def _pairs(_: Workspace, settings: Settings, corpus: Corpus, splits: Splits) -> Columns:
    texts = {p.ref: render(settings.encoder.template, p) for p in [*corpus.queries, *corpus.products]}
    labels = training_labels_of(corpus, splits)
    return {
        "sentence1": [texts[label.pair.query] for label in labels],
        "sentence2": [texts[label.pair.candidate] for label in labels],
        "label": [int(bool(label.match)) for label in labels],
    }


def _write_lines(columns: Columns, path: Path) -> None:
    with output_text(path) as out:
        for row in zip(*columns.values(), strict=True):
            out.write(json_text(dict(zip(columns, row, strict=True))) + "\n")


def _write_folder(columns: Columns, path: Path) -> None:
    if path.exists():
        raise CoreError(f"{path} exists already.", "Take it away first, or name another folder.")
    try:
        from datasets import Dataset, disable_progress_bars
    except ImportError as error:
        raise CoreError(
            "A dataset folder needs datasets, which is not installed.",
            "Name a .jsonl file, or from a clone: pip install -c constraints.txt '.[train]'",
        ) from error
    disable_progress_bars()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with drafts(path.parent) as folder:
            Dataset.from_dict(columns).save_to_disk(str(folder / "complete"))
            publish(folder / "complete", path)
    except OSError as error:
        raise CoreError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
