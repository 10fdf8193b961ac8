"""Batch matching: the queries of files as tables of candidates, written in parts, so that an interrupted run goes on.

A part is a fixed range of the queries. It appears under its name only when it is complete, and the manifest lists it
with its checksum from then on. A run keeps the matcher that it began with, whatever people label meanwhile, so that the
parts of an interrupted run are those of an uninterrupted one, to the byte.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

from core.catalog.product import Product
from core.catalog.query_files import QueryFiles, QuerySurvey
from core.catalog.store import CatalogStore
from core.errors import CoreError, DamagedError
from core.jobs.locks import acquire
from core.jobs.progress import Reporter
from core.json_store import load, save
from core.matching.matcher import Matcher, load_matcher
from core.matching.pair_rows import (
    ExtraColumns,
    PairRow,
    check_file,
    join_tables,
    ranked_rows,
    require_candidates,
    write_table,
)
from core.matching.query_scorer import QueryScorer, indexed_corpus
from core.matching.run import saved_matcher
from core.retrieval.candidates import CandidateStore
from core.retrieval.corpus_vectors import index_folder
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import Registry
from core.retrieval.index_state import statistics_checksum
from core.retrieval.manifest import IndexFile, file_damage, index_file, no_candidates
from core.settings import Settings
from core.workspace import Workspace
from labels.exchange.files import create_folder, require_folder
from labels.files import DRAFT_PREFIX, way_out

#: Queries per part: with a hundred queries a second, an interruption costs less than two minutes.
PART_QUERIES = 10_000
#: Queries that are encoded, searched and scored together; their candidates are prepared once for each block.
_BLOCK_QUERIES = 5000
#: Incremented when the same inputs give other parts.
_VERSION = 2

_MANIFEST, _MATCHER, _LOCK = "_manifest.json", "_matcher.json", "_samesku.lock"
_ENDINGS = (".parquet", ".csv", ".jsonl")
_PART = re.compile(r"part-[0-9]{5,}\.(parquet|csv|jsonl)")
#: An ending that is likely to mean a file, not a folder.
_WORD_ENDING = re.compile(r"\.[A-Za-z]+")
_ELSEWHERE = "Write to another place: samesku match --input FILE --out PLACE"
_RESTART = "To discard the finished parts: samesku match --input FILE --out PLACE --restart"
_ELSEWHERE_OR_RESTART = (
    "Write to another place, or discard what is there: samesku match --input FILE --out PLACE --restart"
)


@dataclass(frozen=True, slots=True)
class Part(IndexFile):
    """A finished part: size, checksum and number of rows."""

    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of a run, beside its parts.

    Attributes:
        inputs: everything that its rows depend on, by what it is called in messages.
        queries: number of queries.
        part_queries: number of queries per part.
        parts: the finished parts by file name.
    """

    inputs: dict[str, str]
    queries: int
    part_queries: int
    parts: dict[str, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What to write, and where.

    Attributes:
        out: a folder for Parquet parts, or one file: CSV, JSONL or Parquet by its ending.
        k: candidates per query.
        part_queries: queries per part.
        restart: discard the parts of an earlier run in the same place.
    """

    out: Path
    k: int
    part_queries: int = PART_QUERIES
    restart: bool = False

    @property
    def is_file(self) -> bool:
        """Whether the parts are joined into one file."""
        return self.out.suffix.lower() in _ENDINGS and not self.out.is_dir()

    @property
    def ending(self) -> str:
        """The file name extension of the parts."""
        return self.out.suffix.lower() if self.is_file else _ENDINGS[0]

    @property
    def folder(self) -> Path:
        """The folder of the parts."""
        return self.out.with_name(f"{self.out.name}.parts") if self.is_file else self.out

    def check(self, source: Path) -> None:
        """Check that the output can be written, and is not a part of the input.

        Raises:
            CoreError: it is; or its ending is unknown.
            LabelsError: it cannot be written.
        """
        if self.is_file or (not self.out.is_dir() and _WORD_ENDING.fullmatch(self.out.suffix)):
            check_file(self.out)
        require_folder(self.folder)
        if self.out.resolve() == source.resolve():
            raise CoreError(f"{self.out} is the input.", _ELSEWHERE)
        if source.is_dir() and self.out.resolve().is_relative_to(source.resolve()):
            raise CoreError(f"{self.out} is inside the input {source}.", _ELSEWHERE)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """The result of a run.

    Attributes:
        queries, rows, parts: numbers of all of them.
        earlier: parts that an earlier run had finished.
        survey: of the input.
        matcher: the matcher that scored the rows.
    """

    queries: int
    rows: int
    parts: int
    earlier: int
    survey: QuerySurvey
    matcher: Matcher


def match_files(
    workspace: Workspace, settings: Settings, files: QueryFiles, options: BatchOptions, reporter: Reporter
) -> BatchReport:
    """Match the products of files, and write their candidates; goes on where an earlier run stopped.

    Raises:
        CoreError: nothing was indexed, the index is out of date, or the output has the parts of another run.
        CatalogError: a file is not a table of products.
        LabelsError: the output cannot be written.
    """
    require_candidates(settings, options.k)
    reporter.stage("read the input")
    survey = files.survey(workspace, reporter.advance)
    model = Registry(workspace, settings).champion()
    reporter.stage("read the catalogue")
    corpus = indexed_corpus(workspace, settings, model)
    inputs = _inputs(workspace, settings, files, survey, options, model)
    wanted = Manifest(inputs, survey.products, options.part_queries)
    with _run_folder(options.folder):
        run = _Run.open(workspace, settings, wanted, options, reporter)
        earlier = len(run.manifest.parts)
        if run.missing:
            with QueryScorer(workspace, settings, model, corpus, run.matcher, reporter) as scorer:
                run.write(files.products(workspace), scorer)
        if options.is_file:
            reporter.stage("join the parts")
            join_tables(run.paths, options.out)
    if options.is_file:
        shutil.rmtree(options.folder, ignore_errors=True)
    rows = sum(part.rows for part in run.manifest.parts.values())
    return BatchReport(survey.products, rows, len(run.paths), earlier, survey, run.matcher)


def _inputs(
    workspace: Workspace,
    settings: Settings,
    files: QueryFiles,
    survey: QuerySurvey,
    options: BatchOptions,
    model: EncoderModel,
) -> dict[str, str]:
    """Everything that the rows depend on, by what it is called in messages."""
    with closing(CandidateStore(workspace.derived)) as store:
        index = f"{store.fingerprint} {statistics_checksum(index_folder(workspace, model))}"
    return {
        "input": _hash(survey.digests, sorted(files.mapping.items()), files.source),
        "encoder": model.id,
        "index": index,
        "settings": _hash(_VERSION, settings.bands),
        "options": f"{options.k} candidates as {options.ending}",
        "part size": str(options.part_queries),
    }


def _hash(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()


@contextmanager
def _run_folder(folder: Path) -> Iterator[None]:
    """The folder of the parts, created if missing, while no other run writes to it.

    Raises:
        CoreError: another run does, the folder has other files, or the lock cannot be taken.
        LabelsError: it cannot be created.
    """
    create_folder(folder)
    _require_own(folder)
    lock = folder / _LOCK
    try:
        descriptor = acquire(lock)
    except BlockingIOError as error:
        raise CoreError(f"Another run is writing to {folder}.", _ELSEWHERE) from error
    except OSError as error:
        raise CoreError(f"{lock} cannot be locked: {error.strerror}.", way_out(error, _ELSEWHERE)) from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


@dataclass
class _Run:
    """A run, new or interrupted, in its folder."""

    folder: Path
    manifest: Manifest
    matcher: Matcher
    settings: Settings
    options: BatchOptions
    columns: ExtraColumns
    reporter: Reporter

    @classmethod
    def open(
        cls, workspace: Workspace, settings: Settings, wanted: Manifest, options: BatchOptions, reporter: Reporter
    ) -> "_Run":
        """Begin a run, or go on with the one in the folder.

        Raises:
            CoreError: the folder has another run, or other files.
        """
        folder = options.folder
        if options.restart and (folder / _MANIFEST).exists():
            _discard(folder)
        with CatalogStore(workspace.catalog) as catalog:
            columns = ExtraColumns(sources=catalog.has_shared_roles)
        matcher = saved_matcher(workspace)
        if matcher is None:
            raise no_candidates(workspace.index)
        try:
            found = load(folder / _MANIFEST, Manifest)
        except FileNotFoundError:
            matcher.save(folder / _MATCHER)
            save(folder / _MANIFEST, asdict(wanted))
            return cls(folder, wanted, matcher, settings, options, columns, reporter)
        _require_same(folder, found, wanted)
        # No other process writes here, so that a draft is one of a run that was killed, however young it is.
        for draft in folder.glob(f"{DRAFT_PREFIX}*"):
            draft.unlink()
        own = _matcher_of(folder)
        if own.fingerprint != matcher.fingerprint:
            reporter.message(
                "The run goes on with the matcher that it began with; `samesku match --restart` takes the present one."
            )
        intact = _intact_parts(folder, found, reporter)
        return cls(folder, replace(found, parts=intact), own, settings, options, columns, reporter)

    def write(self, products: Iterator[Product], scorer: QueryScorer) -> None:
        """Write the missing parts.

        Args:
            products: all of them; those of finished parts are skipped.
            scorer: with the matcher of the run.

        Raises:
            CoreError: the input or the index was changed by another process.
        """
        self.reporter.stage("match", total=self.manifest.queries)
        size = self.manifest.part_queries
        for first in range(0, self.manifest.queries, size):
            queries = islice(products, size)
            name = self._name(first // size)
            if name in self.manifest.parts:
                done = first + sum(1 for _ in queries)
            else:
                done = self._write_part(name, queries, scorer, first)
            self.reporter.advance(done)
            if done != min(first + size, self.manifest.queries):
                raise CoreError("The input was changed during the run.", _RESTART)

    @property
    def missing(self) -> int:
        """The number of parts that are not finished."""
        return -(-self.manifest.queries // self.manifest.part_queries) - len(self.manifest.parts)

    @property
    def paths(self) -> list[Path]:
        """The finished parts, in order."""
        return [self.folder / self._name(number) for number in range(len(self.manifest.parts))]

    def _name(self, number: int) -> str:
        return f"part-{number:05}{self.options.ending}"

    def _write_part(self, name: str, queries: Iterator[Product], scorer: QueryScorer, first: int) -> int:
        """Write one part. Returns the number of queries up to its end."""
        done = first

        def rows() -> Iterator[PairRow]:
            nonlocal done
            while block := list(islice(queries, _BLOCK_QUERIES)):
                for query, candidates in zip(block, scorer.candidates(block), strict=True):
                    best = candidates[: self.options.k]
                    yield from ranked_rows(query.ref, best, self.settings, self.matcher.summary)
                done += len(block)
                self.reporter.advance(done)

        path = self.folder / name
        count = write_table((row for _, row in self.columns.rows(rows())), path, self.columns.shape())
        part = Part(**asdict(index_file(path)), rows=count)
        self.manifest = replace(self.manifest, parts=dict(sorted({**self.manifest.parts, name: part}.items())))
        save(self.folder / _MANIFEST, asdict(self.manifest))
        return done


def _discard(folder: Path) -> None:
    """Remove the files of a run; the manifest last, so that an interruption leaves a run that can be discarded."""
    for path in [*(each for each in folder.iterdir() if _PART.fullmatch(each.name)), folder / _MATCHER]:
        path.unlink(missing_ok=True)
    (folder / _MANIFEST).unlink()


def _require_own(folder: Path) -> None:
    """Raise CoreError unless a folder is empty, or has a run, which may have been killed before its first manifest."""
    try:
        names = {each.name for each in folder.iterdir() if not each.name.startswith(DRAFT_PREFIX)}
    except OSError as error:
        raise CoreError(f"{folder} cannot be read: {error.strerror}.", way_out(error, _ELSEWHERE)) from error
    if _MANIFEST not in names and names - {_LOCK, _MATCHER}:
        raise CoreError(f"{folder} is not empty, and holds no run of `samesku match --input`.", _ELSEWHERE)


def _require_same(folder: Path, found: Manifest, wanted: Manifest) -> None:
    """Raise CoreError if a folder's run is of other inputs."""
    changed = [name for name, value in wanted.inputs.items() if found.inputs.get(name) != value]
    if changed:
        raise CoreError(f"{folder} holds a run that differs in: {', '.join(changed)}.", _ELSEWHERE_OR_RESTART)


def _matcher_of(folder: Path) -> Matcher:
    try:
        return load_matcher(folder / _MATCHER)
    except DamagedError as error:
        raise CoreError(f"{folder / _MATCHER} is damaged or missing.", _ELSEWHERE_OR_RESTART) from error


def _intact_parts(folder: Path, manifest: Manifest, reporter: Reporter) -> dict[str, Part]:
    """The finished parts without damaged ones, which are reported."""
    intact = {}
    for name, part in manifest.parts.items():
        if damage := file_damage(folder / name, part):
            reporter.message(f"{name} is {damage}: it is written again.")
        else:
            intact[name] = part
    return intact
