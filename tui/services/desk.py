"""The workspace behind the desk: opens stores, queue, jobs and worker processes, and closes them together."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.catalog.schema import REIMPORT_HINT
from core.catalog.store import CatalogStore
from core.clustering.product_groups import ProductGroupsFile
from core.errors import CatalogError, CoreError, DamagedError, SettingsError
from core.evaluation.comparison import Comparison, load_comparison, load_comparisons
from core.evaluation.model_overview import Overview, encoder_overview
from core.evaluation.report import load_evaluations
from core.jobs.board import Jobs
from core.json_store import text_file
from core.matching.audit import Audit, audit
from core.matching.bands import Band
from core.matching.reason import Reasons
from core.monitoring.history import History, read_history
from core.permissions import is_lead, open_streams, require_lead, require_stream
from core.queue.item import StreamState
from core.queue.last_session import DeskSession, SessionEnd, file_stem
from core.queue.refit_result import ExpectedGain, RefitResult
from core.queue.session import ReviewSession
from core.queue.source import QueueSource
from core.queue.streams import stream_states
from core.retrieval.candidates import CandidateStore, MatcherSummary
from core.retrieval.encoder_registry import Registry
from core.settings import Settings, load_settings
from core.splits.class_balance import one_class_message, training_classes
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.history import PastAction, history
from labels.leases import Leases
from labels.model import ProductRef, Stream
from labels.statistics import LabelStats, label_stats
from labels.store import LabelStore
from labels.wording import counted
from tui.common.words import REBUILD
from tui.errors import WorkerError
from tui.ports import SEARCH_LIMIT, DeskFacts, EvaluationResults, GroupMember, Groups
from tui.services.files import DeskSitting, TeamGuidelines, WorkHistory
from tui.services.processes import JudgeClient, VerbRunner
from tui.worker_client import WorkerClient

if TYPE_CHECKING:
    from core.settings_info import SettingInfo
    from core.training.plan import RetrainPlan

#: Modification time in ns and inode; a replaced file may have the same time.
_FileVersion = tuple[int, int]


@dataclass
class Desk:
    """A workspace that is open for one annotator.

    The stores' connections belong to the thread that opened the desk. What takes its time may be called from any
    thread: `refit`, `reasons`, `search`, `groups`, `statistics`, `stream_states`, `settings_info`, `save_copy`, and all
    on models and evaluation.

    Attributes:
        matcher_worker: the process that refits the matcher; None disables refits and explanations.
        settle_s: seconds without a write before new candidates are read.
        notice: what to tell the annotator about the candidates (damaged, out of date); empty for nothing.
    """

    workspace: Workspace
    facts: DeskFacts
    store: LabelStore
    leases: Leases
    catalog: CatalogStore
    candidates: CandidateStore
    source: QueueSource
    review: ReviewSession
    sitting: DeskSitting
    past: WorkHistory
    jobs: Jobs
    guidelines: TeamGuidelines
    judge: JudgeClient
    verbs: VerbRunner
    settings: Settings
    product_groups: ProductGroupsFile
    matcher_worker: WorkerClient | None = None
    settle_s: float = 2.0
    notice: str = ""
    _read_version: tuple[_FileVersion, ...] = ()
    _closed: bool = False
    _class_counts: tuple[int, int] = (0, 0)
    _counted_at_event: int = 0
    _counted_catalog: str | None = None

    # -- matcher -------------------------------------------------------------------------------------------

    @property
    def model(self) -> str | None:
        """Id of the encoder behind the candidates; None before the first index run."""
        return self.source.model

    @property
    def matcher_summary(self) -> MatcherSummary | None:
        """Thresholds and label count of the matcher; None where no matcher has scored the candidates."""
        return self.source.summary

    @property
    def expected_gain(self) -> ExpectedGain | None:
        """What further labels are expected to gain; None before the first refit."""
        return self.source.expected_gain

    @property
    def single_class_notice(self) -> str:
        """A sentence that all training labels are of one class; empty where both classes are there."""
        return one_class_message(*self._training_classes(0))

    @property
    def has_single_class(self) -> bool:
        """Whether all training labels are of one class. Cheap: recounts only once the labels have grown by half."""
        return bool(one_class_message(*self._training_classes(sum(self._class_counts) // 2)))

    def _training_classes(self, lag: int) -> tuple[int, int]:
        """Matches and non-matches among the training labels, from a cache since counting reads every label.

        Args:
            lag: events that may have been written since the cached count.
        """
        if self.matcher_summary is not None and self.matcher_summary.calibrated:
            return 0, 0
        event, mark = self.store.last_event(), self.catalog.mark
        if mark != self._counted_catalog or not self._counted_at_event <= event <= self._counted_at_event + lag:
            self._class_counts = training_classes(self.store, self.catalog, self.source.settings.labels.rule)
            self._counted_at_event, self._counted_catalog = event, mark
        return self._class_counts

    @property
    def can_refit(self) -> bool:
        """Whether there is a matcher worker."""
        return self.matcher_worker is not None

    def refit(self) -> RefitResult:
        """Refit the matcher to the current labels.

        Raises:
            WorkerError: there is no matcher worker, or it cannot refit.
        """
        return RefitResult.from_json(self._require_worker().ask("refit"))

    def apply_refit(self, result: RefitResult) -> None:
        """Order the queue by a refit from the next query on."""
        self.source.apply_refit(result)

    def reasons(self, query: Product, candidate: Product) -> Reasons:
        """The explanation of a pair's probability.

        Raises:
            WorkerError: there is no matcher worker, or it does not know the pair.
        """
        return Reasons.from_json(self._require_worker().ask("reasons", query=query.ref, candidate=candidate.ref))

    def stop_workers(self) -> None:
        """Let the matcher and judge workers end; pending requests fail."""
        self.judge.close()
        if self.matcher_worker is not None:
            self.matcher_worker.close()

    def _require_worker(self) -> WorkerClient:
        if self.matcher_worker is None:
            raise WorkerError("There is no matcher process here.", "The desk goes on without it.")
        return self.matcher_worker

    # -- candidates and catalogue --------------------------------------------------------------------------

    def search(self, text: str) -> list[Product]:
        """Products of the catalogues that candidates come from, without the query on the screen, best first."""
        query = self.review.item.query.ref if self.review.item else None
        return [product for product in self.catalog.search(text, "catalog", SEARCH_LIMIT) if product.ref != query]

    def groups(self, query: ProductRef, candidates: Sequence[ProductRef]) -> Groups:
        """The other listings of each candidate's product, by the last recorded run of `samesku cluster`.

        Args:
            query: left out, since it is on the screen.
            candidates: those without other listings are left out of the result.

        Raises:
            SameskuError: the product ids or the catalogue cannot be read.
        """
        known = self.product_groups.read()
        others = {ref: [other for other in known.others(ref) if other != query] for ref in candidates}
        wanted = [other for refs in others.values() for other in refs]
        titles = self.catalog.titles(wanted) if wanted else {}
        found = {
            ref: [GroupMember(other, titles[other]) for other in refs if other in titles]
            for ref, refs in others.items()
        }
        return {ref: members for ref, members in found.items() if members}

    def same_brand(self, one: str, other: str) -> bool:
        """Whether two names mean the same brand by the workspace's vocabulary."""
        return self._vocabulary.same_brand(one, other, store_brands=False)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        # Loading takes some 10 ms, so it waits for the first use.
        try:
            return Vocabulary.load(self.workspace.vocabulary)
        except SettingsError:
            return Vocabulary.load()  # `samesku index` and `samesku doctor` report the error

    def has_new_candidates(self) -> bool:
        """Whether candidates or catalogue have been replaced, and the writing has ended. Costs two `stat`s."""
        version = _data_version(self.workspace)
        last_write_ns = max(at for at, _ in version)
        return version != self._read_version and time.time_ns() - last_write_ns >= self.settle_s * 1e9

    def reload_candidates(self) -> bool:
        """Read new candidates, if any, and show the current query with them. Returns whether there were any."""
        if not self.has_new_candidates():
            return False
        version = _data_version(self.workspace)
        self.source.reload()
        self._read_version = version
        self.notice = _out_of_date(self.source)
        if self.review.item is None:
            self.review.advance()
        else:
            self.review.show(self.review.item.query.ref, reload=True)
        return True

    def take_notice(self) -> str:
        """What to tell the annotator about the candidates, once; empty for nothing."""
        notice, self.notice = self.notice, ""
        return notice

    # -- labels and history --------------------------------------------------------------------------------

    @property
    def last_active_at(self) -> float | None:
        """When the annotator acted last, in seconds since the epoch; None for a newcomer."""
        return self.store.last_seen(self.review.annotator)

    def statistics(self) -> LabelStats:
        """Counts over the labels."""
        with LabelStore(self.store.path) as store:
            return label_stats(store)

    def stream_states(self) -> tuple[StreamState, ...]:
        """Progress of all streams, in their usual order."""
        with LabelStore(self.store.path) as store, closing(CandidateStore(self.workspace.derived)) as candidates:
            # A second queue, since the desk's own caches belong to its thread.
            queue = QueueSource(self.catalog, candidates, self.source.settings)
            if self.source.refit is not None:
                queue.apply_refit(self.source.refit)
            return tuple(stream_states(queue, store, self.review.annotator))

    def history(self) -> list[PastAction]:
        """Events of the query on the screen; only the annotator's own where decisions are independent."""
        item = self.review.item
        if item is None:
            return []
        past = history(self.store, item.query.ref)
        return [each for each in past if not item.alone or each.annotator == self.review.annotator]

    def full_history(self) -> list[PastAction]:
        """Everybody's events of the query on the screen, for leads; the access is recorded.

        Raises:
            CoreError: the annotator is no lead; nothing is recorded.
        """
        item, annotator = self.review.item, self.review.annotator
        if item is None:
            return []
        require_lead(self.source.settings, annotator, "What others say is for leads to see.")
        self.store.record_look(annotator, item.query.ref, item.stream)
        return history(self.store, item.query.ref)

    def renew_lease(self) -> bool:
        """Renew the lease on the query that is shown; False where somebody else has it by now."""
        return self.review.renew_lease()

    def require_ledger(self) -> None:
        """Check that the ledger is still in its place with the decisions made.

        Raises:
            LabelsError: it was deleted, replaced or emptied.
        """
        self.store.require_present()

    # -- models and evaluation -----------------------------------------------------------------------------

    def retrain_plan(self) -> "RetrainPlan":
        """What a retrain would do now, by the settings on disk, which the job will read too."""
        from core.training.plan import plan_retrain  # noqa: PLC0415 - not needed to start

        settings = load_settings(self.workspace.settings)
        return plan_retrain(self.workspace, settings, self.jobs, lead=is_lead(settings, self.review.annotator))

    def encoder_overview(self) -> Overview:
        """All encoders of the workspace.

        Raises:
            SameskuError: the registry cannot be read.
        """
        with closing(CandidateStore(self.workspace.derived)) as candidates:
            comparisons, damaged = load_comparisons(self.workspace)
            registry, saved = Registry(self.workspace, self.settings), load_evaluations(self.workspace)
            found = encoder_overview(registry, candidates.model, comparisons, saved.evaluations)
            return replace(found, damaged=(*found.damaged, *damaged, *saved.damaged))

    def encoder_comparison(self, before: str, after: str) -> Comparison | None:
        """The comparison of two encoders, query by query; None where there is none.

        Raises:
            SameskuError: the file is damaged.
        """
        return load_comparison(self.workspace, before, after)

    def evaluation_results(self) -> EvaluationResults:
        """The saved evaluations, and the audited precision of the firm bands.

        Raises:
            SameskuError: the labels cannot be read.
        """
        target = self.settings.match.precision
        return EvaluationResults(load_evaluations(self.workspace), self._audits(target), target)

    def monitoring(self) -> History | None:
        """What `samesku monitor` has saved; None before its first run.

        Raises:
            SameskuError: the file cannot be read.
        """
        return read_history(self.workspace.monitoring)

    def _audits(self, target: float) -> dict[Band, Audit]:
        with closing(CandidateStore(self.workspace.derived)) as candidates:
            summary = candidates.matcher_summary
        if summary is None or not summary.calibrated:
            return {}
        with LabelStore(self.store.path) as store:
            return audit(store, summary, target)

    # -- the rest ------------------------------------------------------------------------------------------

    def settings_info(self) -> "Sequence[SettingInfo]":
        """The settings in force, and where each comes from."""
        from core.settings_info import settings_info  # noqa: PLC0415 - reads the program's own source

        return settings_info(self.workspace.settings)

    def save_copy(self, text: str) -> Path:
        """Write copied text to the annotator's clipboard file in the workspace's reports; returns its path."""
        path = self.workspace.reports / f"clipboard-{file_stem(self.review.annotator)}.txt"
        with text_file(path) as out:
            out.write(text + "\n")
        return path

    def close(self) -> None:
        """Release the leases, end the processes and close the files. Closing twice is no error."""
        if self._closed:
            return
        self._closed = True
        self.stop_workers()
        self.verbs.close()
        try:
            self.review.close()
        finally:
            self.sitting.end(SessionEnd.LEFT)
            self.store.close()
            self.leases.close()
            self.catalog.close()
            self.candidates.close()


def open_desk(
    workspace: Workspace,
    settings: Settings,
    annotator: str,
    stream: Stream | None = Stream.TRIAGE,
    *,
    matcher_worker: WorkerClient | None = None,
    kiosk: bool = False,
) -> Desk:
    """Open a workspace for one annotator.

    Args:
        workspace: the workspace.
        settings: its settings.
        annotator: who works at the desk.
        stream: the stream to open; None for the one of the last session.
        matcher_worker: the process that refits the matcher; None disables refits and explanations.
        kiosk: whether everything that leads out of the desk is disabled.

    Raises:
        SameskuError: a file of the workspace cannot be opened, or the stream is not open to the annotator. No session
            is recorded then.
    """
    require_stream(settings, annotator, stream or next(iter(open_streams(settings, annotator)), Stream.TRIAGE))
    # Taken before the candidates are read, so that an index run that ends in between is noticed.
    version = _data_version(workspace)
    store = LabelStore(workspace.labels)
    leases = Leases(workspace.labels, lease_s=settings.desk.lease_minutes * 60)
    catalog = CatalogStore(workspace.catalog)
    candidates = CandidateStore(workspace.derived)
    source, notice = _open_queue(catalog, candidates, settings)
    if catalog.is_empty and (source.model is not None or store.last_event()):
        raise CatalogError(f"The catalogue {workspace.catalog} is damaged: it is empty.", REIMPORT_HINT)
    sitting = DeskSession(workspace.sessions, annotator, store.last_event())
    if stream is None:
        stream, why = _last_stream(settings, annotator, sitting.place.stream)
        notice = " ".join(filter(None, (why, notice)))
    review = ReviewSession(store, leases, source, annotator, stream=stream)
    lead = is_lead(settings, annotator)
    newcomer = settings.desk.practice and sitting.first and store.last_seen(annotator) is None
    return Desk(
        workspace=workspace,
        facts=_facts(workspace, settings, lead=lead, kiosk=kiosk, newcomer=newcomer),
        settings=settings,
        product_groups=ProductGroupsFile(workspace.product_ids),
        store=store,
        leases=leases,
        catalog=catalog,
        candidates=candidates,
        source=source,
        review=review,
        sitting=DeskSitting(sitting, review, catalog),
        past=WorkHistory(workspace.labels, catalog, annotator, settings.labels.overlap, lead),
        jobs=Jobs(workspace.jobs, annotator, lead=lead),
        guidelines=TeamGuidelines(workspace.guidelines),
        judge=JudgeClient(workspace, settings.judge),
        verbs=VerbRunner(workspace.home, annotator),
        matcher_worker=matcher_worker,
        notice=notice,
        _read_version=version if any(version[0]) else _data_version(workspace),
    )


def _open_queue(catalog: CatalogStore, candidates: CandidateStore, settings: Settings) -> tuple[QueueSource, str]:
    """The queue and a notice on it. Damaged candidates are moved away; the queue is then empty until the next index."""
    try:
        source = QueueSource(catalog, candidates, settings)
        return source, _out_of_date(source)
    except DamagedError as error:
        return QueueSource(catalog, candidates, settings), f"{error.message} {REBUILD}"


def _out_of_date(source: QueueSource) -> str:
    """A notice on candidates that are out of date since an import; empty where all are current."""
    return " ".join(source.state.sentences())


def _last_stream(settings: Settings, annotator: str, last: Stream | None) -> tuple[Stream, str]:
    """The stream of the last session, or the first open one with a notice why; triage where none is open."""
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


def _data_version(workspace: Workspace) -> tuple[_FileVersion, ...]:
    """Versions of the candidates and the catalogue."""
    return _file_version(workspace.derived), _file_version(workspace.catalog)


def _file_version(path: Path) -> _FileVersion:
    """The version of a file; zeros where it does not exist."""
    try:
        facts = path.lstat()
    except OSError:
        return 0, 0
    return facts.st_mtime_ns, facts.st_ino


def restore_backup(workspace: Workspace, annotator: str, backup: Path) -> str:
    """Restore a backup in a child process, which finishes even if this one loses its terminal.

    Returns:
        the outcome in a sentence or two; where it failed, the ledger is unchanged.
    """
    try:
        done = VerbRunner(workspace.home, annotator).ask("labels", "restore", "--yes", str(backup)).answer()
    except SameskuError as error:
        return " ".join(filter(None, ("The ledger is as it was.", error.message, error.hint)))
    kept = f" What was there before is kept as {_relative(workspace, done['kept'])}." if done["kept"] else ""
    return f"The ledger is that of the backup again, with {counted(done['events'], 'event')}.{kept}"


def _relative(workspace: Workspace, path: str) -> str:
    """A path relative to the workspace, if it is inside."""
    inside = Path(path)
    return str(inside.relative_to(workspace.home) if inside.is_relative_to(workspace.home) else inside)
