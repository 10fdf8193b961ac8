"""The evaluations of the workspace, as the desk shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from core.evaluate.report import Kept
from core.match.audit import Audit
from core.match.bands import Band


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of how good the machine is.

    Attributes:
        kept: the evaluations.
        audits: what people found in each firm band, at today's cuts; empty before the first labels.
        target: the precision that a band must prove to decide by itself.
    """

    kept: Kept
    audits: Mapping[Band, Audit]
    target: float


class Evaluations(Protocol):
    """What was measured; all of it is read from files. Any thread."""

    def read(self) -> Measured:
        """All of it.

        Raises:
            SameskuError: the labels cannot be read.
        """
