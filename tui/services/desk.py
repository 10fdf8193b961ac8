"""Opening a workspace for the desk: the one place where the desk meets stores, queue and jobs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.catalog.schema import REIMPORT_HINT
from core.catalog.store import CatalogStore
from core.errors import CatalogError, CoreError, DamagedError
from core.jobs.board import Jobs
from core.json_store import text_file
from core.matching.reason import Reasons
from core.permissions import is_lead, open_streams, require_lead, require_stream
from core.queue.last_session import DeskSession, SessionEnd, file_stem
from core.queue.refit_result import ExpectedGain, RefitResult
from core.queue.session import ReviewSession
from core.queue.source import QueueSource
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.settings import Settings
from core.splits.class_balance import one_class_message, training_classes
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.history import PastAction, history
from labels.leases import Leases
from labels.model import Stream
from labels.statistics import LabelStats, label_stats
from labels.store import LabelStore
from labels.wording import counted
from tui.common.words import REBUILD
from tui.errors import EngineError
from tui.ports import MOST_FOUND, DeskFacts
from tui.services.files import (
    DeskPast,
    DeskSitting,
    DeskStreams,
    EvaluationFiles,
    ModelFiles,
    TeamGuidelines,
    VocabularyBrands,
    WorkspaceRetraining,
)
from tui.services.processes import ChildVerbs, JudgeClient
from tui.worker_client import WorkerClient

if TYPE_CHECKING:
    from core.settings_info import SettingInfo


@dataclass
class DeskServices:
    """A workspace, open for one annotator; a `tui.ports.Desk`.

    Attributes:
        engine: refits the matcher; None where nothing is to be learnt in this sitting.
        settle_s: how long derived.db must have been left alone before it is read anew.
        news: what is to be said of the candidates: that they are damaged, or out of date; empty where nothing is.
    """

    workspace: Workspace
    facts: DeskFacts
    store: LabelStore
    claims: Leases
    catalog: CatalogStore
    candidates: CandidateStore
    source: QueueSource
    review: ReviewSession
    sitting: DeskSitting
    past: DeskPast
    streams: DeskStreams
    jobs: Jobs
    guidelines: TeamGuidelines
    retraining: WorkspaceRetraining
    judge: JudgeClient
    brands: VocabularyBrands
    verbs: ChildVerbs
    models: ModelFiles
    evaluations: EvaluationFiles
    engine: WorkerClient | None = None
    settle_s: float = 2.0
    news: str = ""
    _read_at: tuple[tuple[int, int], ...] = ()
    _closed: bool = False
    _classes: tuple[int, int] = (0, 0)
    _classes_at: int = 0
    _classes_mark: str | None = None

    @property
    def model(self) -> str | None:
        """Id of the encoder behind the candidates; None before the first index run."""
        return self.source.model

    @property
    def away_since(self) -> float | None:
        """When this person acted last, in seconds since the epoch; None for a newcomer."""
        return self.store.last_seen(self.review.annotator)

    @property
    def standing(self) -> MatcherSummary | None:
        """What the probabilities are worth; None where no matcher has spoken."""
        return self.source.summary

    @property
    def one_class(self) -> str:
        """That all labels are of one class, and what is needed; empty where a matcher has learnt from both."""
        return one_class_message(*self._training_classes(0))

    @property
    def has_one_class(self) -> bool:
        """The same as yes or no, for every draw of the screen: half as many labels again may be newer than it knows."""
        return bool(one_class_message(*self._training_classes(sum(self._classes) // 2)))

    def _training_classes(self, lag: int) -> tuple[int, int]:
        """Matches and others among the labels that may train, as the matcher counts them, which reads every label.

        Args:
            lag: so many events may have been written since they were counted.
        """
        if self.standing is not None and self.standing.calibrated:
            return 0, 0
        event, mark = self.store.last_event(), self.catalog.mark
        if mark != self._classes_mark or not self._classes_at <= event <= self._classes_at + lag:
            self._classes = training_classes(self.store, self.catalog, self.source.settings.labels.rule)
            self._classes_at, self._classes_mark = event, mark
        return self._classes

    @property
    def outlook(self) -> ExpectedGain | None:
        """What is to be gained by going on; None before the first refit."""
        return self.source.expected_gain

    @property
    def learns(self) -> bool:
        """Whether there is an engine to refit the matcher."""
        return self.engine is not None

    def refit(self) -> RefitResult:
        """Have the matcher refitted to the labels.

        Raises:
            EngineError: there is no engine, or it cannot.
        """
        return RefitResult.from_json(self._engine().ask("refit"))

    def learn(self, rescored: RefitResult) -> None:
        """Let a refit order the queue from the next query on."""
        self.source.apply_refit(rescored)

    def reasons(self, query: Product, candidate: Product) -> Reasons:
        """Why a pair has its probability.

        Raises:
            EngineError: there is no engine, or it knows nothing of the pair.
        """
        return Reasons.from_json(self._engine().ask("reasons", query=query.ref, candidate=candidate.ref))

    def stop_engine(self) -> None:
        """Let engine and judge end, and whoever waits for them give up."""
        self.judge.close()
        if self.engine is not None:
            self.engine.close()

    def _engine(self) -> WorkerClient:
        if self.engine is None:
            raise EngineError("There is no engine here.", "The desk goes on without it.")
        return self.engine

    def search(self, text: str) -> list[Product]:
        """Products of the catalogues that candidates come from, best first."""
        return self.catalog.search(text, "catalog", MOST_FOUND)

    def statistics(self) -> LabelStats:
        """Counts over the labels, read through a connection of its own: SQLite's stay in their thread."""
        with LabelStore(self.store.path) as store:
            return label_stats(store)

    def history(self) -> list[PastAction]:
        """What happened to the query on the screen."""
        item = self.review.item
        if item is None:
            return []
        past = history(self.store, item.query.ref)
        return [each for each in past if not item.alone or each.annotator == self.review.annotator]

    def look_at_others(self) -> list[PastAction]:
        """What everybody did with the query on the screen, for leads; that they looked is recorded.

        Raises:
            CoreError: the person is no lead; nothing is recorded.
        """
        item, annotator = self.review.item, self.review.annotator
        if item is None:
            return []
        require_lead(self.source.settings, annotator, "What others say is for leads to see.")
        self.store.record_look(annotator, item.query.ref, item.stream)
        return history(self.store, item.query.ref)

    def keep_claim(self) -> bool:
        """Renew the lease on the query that is shown; False where somebody else has it by now."""
        return self.review.renew_lease()

    def notice_new_candidates(self) -> bool:
        """Whether candidates or catalogue were written to since they were read, and are not being written to now."""
        written_at = _read_at(self.workspace)
        latest = max(at for at, _ in written_at)
        return written_at != self._read_at and time.time_ns() - latest >= self.settle_s * 1e9

    def read_new_candidates(self) -> bool:
        """Read the candidates anew if they were replaced, and show the query at hand with them."""
        if not self.notice_new_candidates():
            return False
        written_at = _read_at(self.workspace)
        self.source.reload()
        self._read_at = written_at
        self.news = out_of_date(self.source)
        if self.review.item is None:
            self.review.advance()
        else:
            self.review.show(self.review.item.query.ref, reload=True)
        return True

    def take_news(self) -> str:
        """What is to be said once of the candidates; empty where nothing is."""
        news, self.news = self.news, ""
        return news

    def told_settings(self) -> "Sequence[SettingInfo]":
        """The settings in force, and where each comes from."""
        from core.settings_info import settings_info  # noqa: PLC0415 - reads the program's own source

        return settings_info(self.workspace.settings)

    def keep_copy(self, text: str) -> Path:
        """Write what somebody copied to a file of theirs in the workspace's reports."""
        path = self.workspace.reports / f"clipboard-{file_stem(self.review.annotator)}.txt"
        with text_file(path) as out:
            out.write(text + "\n")
        return path

    def require_ledger(self) -> None:
        """Return if what was decided is in the ledger at its place.

        Raises:
            LabelsError: it was deleted, replaced or emptied.
        """
        self.store.require_present()

    def close(self) -> None:
        """Give the claims back and let go of the files."""
        if self._closed:
            return
        self._closed = True
        self.stop_engine()
        self.verbs.close()
        try:
            self.review.close()
        finally:
            self.sitting.end(SessionEnd.LEFT)
            self.store.close()
            self.claims.close()
            self.catalog.close()
            self.candidates.close()


def open_desk(
    workspace: Workspace,
    settings: Settings,
    annotator: str,
    stream: Stream | None = Stream.TRIAGE,
    *,
    engine: WorkerClient | None = None,
    kiosk: bool = False,
) -> DeskServices:
    """Open a workspace for one annotator's sitting; with an engine the matcher learns meanwhile.

    Without a stream they go on where they were. In a kiosk nothing leads out of the desk.

    Raises:
        SameskuError: a file of the workspace cannot be opened, or no stream that was asked for is open to them. Then
            there was no sitting.
    """
    require_stream(settings, annotator, stream or next(iter(open_streams(settings, annotator)), Stream.TRIAGE))
    # Before the candidates are read: a run that ends in between is noticed rather than missed.
    read_at = _read_at(workspace)
    store = LabelStore(workspace.labels)
    claims = Leases(workspace.labels, lease_s=settings.desk.lease_minutes * 60)
    catalog = CatalogStore(workspace.catalog)
    candidates = CandidateStore(workspace.derived)
    source, news = _queue(catalog, candidates, settings)
    if catalog.is_empty and (source.model is not None or store.last_event()):
        raise CatalogError(f"The catalogue {workspace.catalog} is damaged: it is empty.", REIMPORT_HINT)
    sitting = DeskSession(workspace.sessions, annotator, store.last_event())
    if stream is None:
        stream, why = _stream(settings, annotator, sitting.place.stream)
        news = " ".join(filter(None, (why, news)))
    newcomer = settings.desk.practice and sitting.first and store.last_seen(annotator) is None
    review = ReviewSession(store, claims, source, annotator, stream=stream)
    lead = is_lead(settings, annotator)
    jobs = Jobs(workspace.jobs, annotator, lead=lead)
    return DeskServices(
        workspace=workspace,
        facts=_facts(workspace, settings, lead=lead, kiosk=kiosk, newcomer=newcomer),
        store=store,
        claims=claims,
        catalog=catalog,
        candidates=candidates,
        source=source,
        review=review,
        sitting=DeskSitting(sitting, review, catalog),
        streams=DeskStreams(workspace.labels, workspace.derived, source, annotator),
        past=DeskPast(workspace.labels, catalog, annotator, settings.labels.overlap, lead),
        guidelines=TeamGuidelines(workspace.guidelines),
        jobs=jobs,
        retraining=WorkspaceRetraining(workspace, jobs, annotator),
        judge=JudgeClient(workspace, settings.judge),
        brands=VocabularyBrands(workspace.vocabulary),
        verbs=ChildVerbs(workspace.home, annotator),
        models=ModelFiles(workspace, settings),
        evaluations=EvaluationFiles(workspace, settings),
        engine=engine,
        news=news,
        _read_at=read_at if any(read_at[0]) else _read_at(workspace),
    )


def _queue(catalog: CatalogStore, candidates: CandidateStore, settings: Settings) -> tuple[QueueSource, str]:
    """The queue, and what is to be said of it: it is empty where the candidates are damaged, until they are made."""
    try:
        source = QueueSource(catalog, candidates, settings)
        return source, out_of_date(source)
    except DamagedError as error:
        # What was damaged is out of the way now.
        return QueueSource(catalog, candidates, settings), f"{error.message} {REBUILD}"


def out_of_date(source: QueueSource) -> str:
    """What of the candidates is out of date since an import; empty where nothing is."""
    return " ".join(source.state.sentences())


def _stream(settings: Settings, annotator: str, last: Stream | None) -> tuple[Stream, str]:
    """Where to go on: where one was, if one may, else the first stream that is open, and why.

    Triage where nothing is open, which then says so.
    """
    first = next(iter(open_streams(settings, annotator)), Stream.TRIAGE)
    if last is None:
        return first, ""
    try:
        require_stream(settings, annotator, last)
    except CoreError as error:
        return first, f"{error.message} {error.hint} This is the {first.value} stream."
    return last, ""


def _facts(workspace: Workspace, settings: Settings, *, lead: bool, kiosk: bool, newcomer: bool) -> DeskFacts:
    return DeskFacts(
        home=workspace.home,
        theme=settings.desk.theme,
        high=settings.bands.high,
        medium=settings.bands.medium,
        lease_s=settings.desk.lease_minutes * 60,
        lead=lead,
        kiosk=kiosk,
        newcomer=newcomer,
        mouse=settings.desk.mouse,
        keys=settings.keys,
    )


def _read_at(workspace: Workspace) -> tuple[tuple[int, int], ...]:
    """When candidates and catalogue were written last."""
    return _written_at(workspace.derived), _written_at(workspace.catalog)


def _written_at(path: Path) -> tuple[int, int]:
    """When the file was written last, in ns, and its inode: another file may be just as old. Zeros where none is."""
    try:
        facts = path.lstat()
    except OSError:
        return 0, 0
    return facts.st_mtime_ns, facts.st_ino


def _within(workspace: Workspace, path: str) -> str:
    """As somebody finds it who knows the workspace."""
    inside = Path(path)
    return str(inside.relative_to(workspace.home) if inside.is_relative_to(workspace.home) else inside)


def put_back(workspace: Workspace, annotator: str, backup: Path) -> str:
    """Restore a backup, as was agreed to, in a process of its own: one that is cut off from its terminal still ends.

    Returns:
        what became of it, for whoever opens the desk again; where it failed the ledger is as it was.
    """
    try:
        done = ChildVerbs(workspace.home, annotator).ask("labels", "restore", "--yes", str(backup)).answer()
    except SameskuError as error:
        return " ".join(filter(None, ("The ledger is as it was.", error.message, error.hint)))
    kept = f" What was there before is kept as {_within(workspace, done['kept'])}." if done["kept"] else ""
    return f"The ledger is that of the backup again, with {counted(done['events'], 'event')}.{kept}"
