"""Which labelled pairs a judge was trained on, kept beside its weights: nothing about it is measured on them."""

import json
from collections.abc import Iterable
from pathlib import Path

from core.errors import ModelError
from core.kept import text_file
from labels.files import read_bounded
from labels.model import Pair, ProductRef

_FILE = "taught.json"
#: Far more than all labelled pairs take.
_MAX_BYTES = 256 * 2**20


def keep_taught(folder: Path, pairs: Iterable[Pair]) -> None:
    """Write down what the judge in a folder was trained on."""
    rows = sorted([*pair.query, *pair.candidate] for pair in pairs)
    with text_file(folder / _FILE) as out:
        out.write(json.dumps(rows) + "\n")


def taught_in(folder: Path) -> frozenset[Pair]:
    """What the judge in a folder was trained on; nothing where it does not say.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        rows = json.loads(read_bounded(folder / _FILE, _MAX_BYTES))
        return frozenset(Pair(ProductRef(a, b), ProductRef(c, d)) for a, b, c, d in rows)
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{folder / _FILE} cannot be read, and it says what the judge was trained on.", "Train it anew."
        ) from error
