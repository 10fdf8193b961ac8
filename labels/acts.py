"""How many acts each person did at the desk, and how many of them were taken back."""

from typing import NamedTuple

from labels.database import readable_errors
from labels.reading import LabelReader

_ACTS = """
SELECT annotator, count(*), sum(undone_at IS NOT NULL) FROM actions WHERE verb <> 'import' GROUP BY annotator
"""


class Acts(NamedTuple):
    """One person's keystrokes that left a trace.

    Attributes:
        done: all of them; what came from a file or from the machine is none.
        undone: how many of them stand no more.
    """

    done: int = 0
    undone: int = 0


def acts_by_annotator(reader: LabelReader) -> dict[str, Acts]:
    """Everybody's acts, by name.

    Raises:
        LabelsError: the file cannot be read.
    """
    with readable_errors(reader.path):
        return {row[0]: Acts(row[1], row[2]) for row in reader.connection.execute(_ACTS)}
