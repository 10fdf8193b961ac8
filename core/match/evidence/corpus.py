"""Evidence about pairs of one corpus."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from core.search.build import Corpus
from core.settings import Settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.match.evidence.builder import EvidenceBuilder


@dataclass(frozen=True)
class CorpusEvidence:
    """The evidence builder of a corpus, made when it is first needed: to prepare all products takes seconds.

    Attributes:
        workspace: whose vocabulary counts.
        settings: whether store brands are equivalent.
        corpus: queries and products; rows and columns of pairs are places in its lists.
    """

    workspace: Workspace
    settings: Settings
    corpus: Corpus

    @cached_property
    def builder(self) -> "EvidenceBuilder":
        """The builder itself."""
        from core.match.evidence.builder import EvidenceBuilder  # noqa: PLC0415

        return EvidenceBuilder(
            self.corpus.queries,
            self.corpus.products,
            Vocabulary.load(self.workspace.vocabulary),
            store_brands=self.settings.match.store_brands == "equivalent",
        )

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(feature.name for feature in self.builder.features)

    def of(
        self, rows: "NDArray[np.int64]", columns: "NDArray[np.int64]", cosines: "NDArray[np.float32]"
    ) -> "NDArray[np.float32]":
        """The evidence about pairs, shape (n, features)."""
        return self.builder.of(rows, columns, cosines)
