"""The index in memory, which is replaced while requests are answered: after an index run, a promotion, another fit."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.jobs.progress import Reporter, Silent
from core.matching.explain import Explainer
from core.matching.matcher import Matcher
from core.matching.query_scorer import QueryScorer, indexed_corpus
from core.matching.run import matcher_path, saved_matcher
from core.retrieval.candidates import CandidateStore
from core.retrieval.encoder_registry import Registry
from core.retrieval.index_state import statistics_checksum
from core.retrieval.manifest import no_candidates
from core.serving.lru_cache import LruCache
from core.settings import Settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.files import FileVersion, file_version

if TYPE_CHECKING:
    from core.serving.matching import Matched

log = logging.getLogger(__name__)

#: Answers that are kept: a few KiB each with ten candidates.
CACHE_SIZE = 4096
#: Seconds between two looks at the files of the workspace; one takes a millisecond.
POLL_S = 1.0
#: Seconds after which an index that could not be read is tried again.
_RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """What the files of a workspace hold.

    Attributes:
        candidates: fingerprint of the candidates.
        statistics: checksum of the statistics of the last full index run.
        matcher: version of the file of the matcher.
    """

    candidates: str
    statistics: str
    matcher: FileVersion

    def same_index(self, other: "IndexVersion") -> bool:
        """Whether the index is the same, whatever the matcher."""
        return (self.candidates, self.statistics) == (other.candidates, other.statistics)


@dataclass(frozen=True)
class LoadedIndex:
    """An index with a matcher, and the answers that were given with it.

    Attributes:
        version: of the files that it was read from.
        settings: that it was read with.
        model: id of the encoder.
        scorer: the index and the matcher.
        explainer: explains the scores of the matcher.
    """

    version: IndexVersion
    settings: Settings
    model: str
    scorer: QueryScorer
    explainer: Explainer
    cache: "LruCache[Hashable, Matched]" = field(default_factory=lambda: LruCache(CACHE_SIZE))

    @property
    def matcher(self) -> Matcher:
        """The matcher."""
        return self.scorer.matcher


class IndexLoader:
    """Reads the index of a workspace.

    Args:
        workspace: with an index.
        settings: reads the present settings.
        frequency: number of listings that contain a word; for explanations.
    """

    def __init__(self, workspace: Workspace, settings: Callable[[], Settings], frequency: Callable[[str], int]) -> None:
        self._workspace = workspace
        self._settings = settings
        self._frequency = frequency

    def version(self) -> IndexVersion:
        """The version of the files.

        Raises:
            CoreError: there is no index, or it cannot be read.
        """
        with closing(CandidateStore(self._workspace.derived)) as store:
            model, candidates = store.model, store.fingerprint
        if model is None or candidates is None:
            raise no_candidates(self._workspace.index)
        matcher = file_version(matcher_path(self._workspace))
        if matcher is None:
            raise no_candidates(self._workspace.index)
        return IndexVersion(candidates, statistics_checksum(self._workspace.index / model), matcher)

    def load(self, reporter: Reporter) -> LoadedIndex:
        """Read the index and the encoder, and answer a first query, so that no request waits for either.

        Raises:
            CoreError: there is no index, or it is out of date.
            ModelError: the encoder cannot be loaded.
        """
        version, settings = self.version(), self._settings()
        model = Registry(self._workspace, settings).champion()
        reporter.stage("read the catalogue")
        corpus = indexed_corpus(self._workspace, settings, model)
        matcher = self._matcher()
        scorer = QueryScorer(self._workspace, settings, model, corpus, matcher, reporter)
        reporter.stage("load the encoder")
        scorer.scored(scorer.queries[:1], stored=False)
        return LoadedIndex(version, settings, model.id, scorer, self._explainer(matcher))

    def with_matcher(self, loaded: LoadedIndex, version: IndexVersion) -> LoadedIndex:
        """The same index with the present matcher.

        Raises:
            CoreError: the matcher is missing, damaged, or of another version of the program.
        """
        matcher = self._matcher()
        scorer = loaded.scorer.with_matcher(matcher)
        return LoadedIndex(version, loaded.settings, loaded.model, scorer, self._explainer(matcher))

    def is_complete(self) -> bool:
        """Whether the last index run has fitted its matcher, too.

        Raises:
            CoreError: the candidates cannot be read.
        """
        with closing(CandidateStore(self._workspace.derived)) as store:
            return store.is_scored

    def _matcher(self) -> Matcher:
        matcher = saved_matcher(self._workspace)
        if matcher is None:
            raise no_candidates(self._workspace.index)
        matcher.warm_up()
        return matcher

    def _explainer(self, matcher: Matcher) -> Explainer:
        return Explainer(matcher, Vocabulary.load(self._workspace.vocabulary), self._frequency)


class CurrentIndex:
    """The index that answers requests, and the thread that replaces it.

    A replacement is read in the background while the previous index goes on answering; the two are in memory at once.

    Args:
        loader: reads the index.
        loaded: the first index.
        poll_s: seconds between two looks at the files.
        on_swap: called after each replacement.
    """

    def __init__(
        self,
        loader: IndexLoader,
        loaded: LoadedIndex,
        *,
        poll_s: float = POLL_S,
        on_swap: Callable[[], None] = lambda: None,
    ) -> None:
        self._loader = loader
        self._loaded = loaded
        self._poll_s = poll_s
        self._on_swap = on_swap
        self._failed: IndexVersion | None = None
        self._retry_at = 0.0
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name="index-watcher", daemon=True)

    @property
    def loaded(self) -> LoadedIndex:
        """The present index."""
        return self._loaded

    def start(self) -> None:
        """Start to watch the files."""
        self._thread.start()

    def close(self) -> None:
        """End the thread. A replacement that it is reading is abandoned with the process."""
        self._closed = True
        self._wake.set()
        if self._thread.ident:
            self._thread.join(self._poll_s)

    def look(self) -> None:
        """Look at the files soon: a request has found them changed."""
        self._wake.set()

    def refresh(self) -> bool:
        """Replace the index if the files hold another one. Returns whether it did.

        An index run that is under way counts once it has fitted its matcher.

        Raises:
            SameskuError: the files cannot be read now.
        """
        version, loaded = self._loader.version(), self._loaded
        if version == loaded.version or (version == self._failed and time.monotonic() < self._retry_at):
            return False
        if not self._loader.is_complete():
            return False
        try:
            if version.same_index(loaded.version):
                self._loaded = self._loader.with_matcher(loaded, version)
            else:
                self._loaded = self._loader.load(Silent())
        except Exception as error:
            self._failed, self._retry_at = version, time.monotonic() + _RETRY_S
            expected = isinstance(error, SameskuError)
            reason = f"{error.message} {error.hint}" if isinstance(error, SameskuError) else error
            log.warning("The new index is not used: %s", reason, exc_info=not expected)
            return False
        self._failed = None
        loaded.cache.clear()  # its answers hold the previous index
        self._on_swap()
        return True

    def _watch(self) -> None:
        while not self._closed:
            self._wake.wait(self._poll_s)
            self._wake.clear()
            try:
                if not self._closed:
                    self.refresh()
            except (SameskuError, OSError) as error:
                log.debug("The index cannot be looked at now: %s", error)
