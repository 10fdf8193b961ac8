"""Batch matching: the queries of files as tables of candidates, written in parts, so that an interrupted run goes on.

A part is a fixed range of the queries. It appears under its name only when it is complete, and the manifest lists it
with its checksum from then on. A run keeps the matcher that it began with, whatever people label meanwhile, so that the
parts of an interrupted run are those of an uninterrupted one, to the byte. On a cluster, workers write the parts, and
this process records them (`core.ray_cluster`).
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

from core.catalog.product import Product
from core.catalog.query_files import QueryFiles, QuerySurvey
from core.catalog.store import CatalogStore
from core.errors import CoreError, DamagedError
from core.jobs.locks import acquire
from core.jobs.progress import Reporter, Silent
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
from core.ray_cluster import Item, map_items
from core.retrieval.candidates import CandidateStore
from core.retrieval.corpus_vectors import index_folder
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.encoder_registry import Registry
from core.retrieval.index_state import statistics_checksum
from core.retrieval.manifest import IndexFile, file_damage, index_file, no_candidates
from core.settings import Settings
from core.workspace import Workspace, restrict_umask
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

    def part_name(self, number: int) -> str:
        """The file name of a part."""
        return f"part-{number:05}{self.ending}"

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
            # Workers of a cluster have another working directory.
            files = replace(files, paths=tuple(path.absolute() for path in files.paths))
            options = replace(options, out=options.out.absolute())
            writer = PartWriter(workspace, settings, files, options, run.columns, run.matcher, survey.products)
            if settings.cluster.engine == "ray":
                run.write_on_cluster(writer)
            else:
                with QueryScorer(workspace, settings, model, corpus, run.matcher, reporter) as scorer:
                    run.write(writer, scorer)
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

    def write(self, writer: "PartWriter", scorer: QueryScorer) -> None:
        """Write the missing parts in this process.

        Args:
            writer: of the run.
            scorer: with the matcher of the run.

        Raises:
            CoreError: the input or the index was changed by another process.
        """
        self.reporter.stage("match", total=self.manifest.queries)
        for number in self.missing:
            self._record(number, writer.write(number, scorer, self.reporter.advance))
        self.reporter.advance(self.manifest.queries)

    def write_on_cluster(self, writer: "PartWriter") -> None:
        """Write the missing parts by workers of Ray.

        Raises:
            CoreError: as `write`; or the cluster cannot be reached.
        """
        self.reporter.stage("match", total=self.manifest.queries)
        done = self.manifest.queries - sum(len(writer.queries_of(number)) for number in self.missing)
        items: list[Item] = [{"number": number} for number in self.missing]
        for row in map_items(items, _ClusterWorker, (writer,), self.settings.cluster.workers):
            number = row.pop("number")
            self._record(number, Part(**row))
            self.reporter.advance(done := done + len(writer.queries_of(number)))

    def _record(self, number: int, part: Part) -> None:
        parts = {**self.manifest.parts, self.options.part_name(number): part}
        self.manifest = replace(self.manifest, parts=dict(sorted(parts.items())))
        save(self.folder / _MANIFEST, asdict(self.manifest))

    @property
    def missing(self) -> list[int]:
        """The numbers of the parts that are not finished."""
        count = -(-self.manifest.queries // self.manifest.part_queries)
        return [number for number in range(count) if self.options.part_name(number) not in self.manifest.parts]

    @property
    def paths(self) -> list[Path]:
        """The finished parts, in order."""
        return [self.folder / self.options.part_name(number) for number in range(len(self.manifest.parts))]


@dataclass
class PartWriter:
    """Writes parts of a run, in ascending order at the least cost: their queries are read from the files on the way.

    Attributes:
        queries: number of queries of the run.
        matcher: that the run began with.
    """

    workspace: Workspace
    settings: Settings
    files: QueryFiles
    options: BatchOptions
    columns: ExtraColumns
    matcher: Matcher
    queries: int
    _products: Iterator[Product] = field(default_factory=lambda: iter(()), repr=False)
    _next: int = field(default=0, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Without the open files: another process reads them itself."""
        return vars(self) | {"_products": iter(()), "_next": 0}

    def queries_of(self, number: int) -> range:
        """The places of a part's queries in the input."""
        size = self.options.part_queries
        return range(number * size, min((number + 1) * size, self.queries))

    def write(self, number: int, scorer: QueryScorer, advance: Callable[[int], None]) -> Part:
        """Write one part.

        Args:
            number: from 0.
            scorer: with the matcher of the run.
            advance: called with the place in the input that is reached.

        Raises:
            CoreError: the input or the index was changed by another process.
        """
        places = self.queries_of(number)
        queries, done = self._read(places), places.start

        def rows() -> Iterator[PairRow]:
            nonlocal done
            while block := list(islice(queries, _BLOCK_QUERIES)):
                for query, candidates in zip(block, scorer.candidates(block), strict=True):
                    yield from ranked_rows(query.ref, candidates[: self.options.k], self.settings, self.matcher.summary)
                done += len(block)
                advance(done)
            if done != places.stop:
                raise CoreError("The input was changed during the run.", _RESTART)

        path = self.options.folder / self.options.part_name(number)
        count = write_table((row for _, row in self.columns.rows(rows())), path, self.columns.shape())
        return Part(**asdict(index_file(path)), rows=count)

    def _read(self, places: range) -> Iterator[Product]:
        """The products at places of the input; going back reads it from its beginning."""
        if self._next == 0 or places.start < self._next:
            self._products, self._next = self.files.products(self.workspace), 0
        between = places.start - self._next
        self._next = places.stop
        return islice(self._products, between, between + len(places))


class _ClusterWorker:
    """Writes parts in a worker of Ray, to the folder of the run, which is on a file system that all share."""

    def __init__(self, writer: PartWriter) -> None:
        restrict_umask()
        workspace, settings = writer.workspace, writer.settings
        model = Registry(workspace, settings).champion()
        corpus = indexed_corpus(workspace, settings, model)
        self._writer = writer
        self._scorer = QueryScorer(workspace, settings, model, corpus, writer.matcher, Silent())

    def __call__(self, item: Item) -> Item:
        return item | asdict(self._writer.write(item["number"], self._scorer, lambda _: None))


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
