"""Export of training data for sentence-transformers, as JSON lines or a `datasets` folder."""

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

#: Column → values, in the column order that the losses of sentence-transformers expect.
Columns = dict[str, list[str] | list[int]]


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
    """

    rows: int
    held_out: int


def write_dataset(
    workspace: Workspace, settings: Settings, kind: Kind, out: Path, *, negatives: int = 3
) -> DatasetExport:
    """Write the training data of `retrain`: the training split only, without anything linked to validation.

    `triplets` have the columns `anchor`, `positive` and `negative`, with a row per hard negative of a match. `pairs`
    have `sentence1`, `sentence2` and `label`, 1 for a match.
    (https://sbert.net/docs/sentence_transformer/loss_overview.html)

    Args:
        workspace: the workspace.
        settings: for the text template and the held-out share.
        kind: the kind of rows.
        out: a file ending in .jsonl, or a folder for `datasets.load_from_disk`.
        negatives: maximum number of hard negatives of each match.

    Raises:
        CoreError: there is no training data, the folder exists or cannot be written, or `datasets` is not installed.
        LabelsError: the file cannot be written.
    """
    corpus = Corpus.read(workspace)
    splits = splits_of(workspace, settings)
    columns = (
        _triplets(workspace, settings, corpus, splits, negatives)
        if kind is Kind.TRIPLETS
        else _pairs(settings, corpus, splits)
    )
    rows = len(next(iter(columns.values())))
    if not rows:
        raise CoreError(
            f"There are no {kind} to write yet.", "Accept some matches first; `samesku index` finds hard negatives."
        )
    if out.suffix == ".jsonl":
        _write_lines(columns, out)
    else:
        _write_folder(columns, out)
    return DatasetExport(rows, 0 if splits.manual else len(splits.eval_queries))


def _triplets(workspace: Workspace, settings: Settings, corpus: Corpus, splits: Splits, negatives: int) -> Columns:
    texts = {p.ref: render(settings.encoder.template, p) for p in [*corpus.queries, *corpus.products]}
    rows = [
        (texts[triplet.anchor], texts[triplet.positive], texts[negative])
        for triplet in training_triplets(workspace, corpus, splits, negatives)
        for negative in triplet.negatives
    ]
    return {name: [row[i] for row in rows] for i, name in enumerate(("anchor", "positive", "negative"))}


def _pairs(settings: Settings, corpus: Corpus, splits: Splits) -> Columns:
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
        raise CoreError(f"{path} already exists.", "Remove it first, or name another folder.")
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
        raise CoreError(f"{path} cannot be written: {error.strerror}.", "Choose another folder.") from error
