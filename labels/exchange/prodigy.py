"""Import and export of decisions as annotated examples of Prodigy (JSON lines).

The format: https://prodi.gy/docs/api-interfaces (binary text classification: `text`, `label`, `answer`), with the
hashes, the time in seconds and the annotator that Prodigy 1.11 and later add. The pair is in `meta`.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from labels.errors import LabelsError
from labels.exchange.decisions import PortableDecision, explicit_decisions
from labels.exchange.fields import escape, is_integer, is_number
from labels.exchange.files import output_text
from labels.exchange.json_values import json_text, parse_json_lines
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.tasks import (
    Defaults,
    Describe,
    SkippedTask,
    TaskFile,
    parse_annotator,
    parse_pair,
    task_fields,
)
from labels.model import Decision, Pair, Side
from labels.reader import LabelReader

#: The label that an example is accepted or rejected as.
LABEL = "match"

_ANSWERS = {Decision.MATCH: "accept", Decision.NO_MATCH: "reject", Decision.UNSURE: "ignore"}
_DECISIONS = {answer: decision for decision, answer in _ANSWERS.items()}


def export_prodigy(
    store: LabelReader,
    path: Path,
    describe: Describe,
    *,
    side: Side | None = None,
    names: Pseudonyms | None = None,
    without: Collection[int] = (),
) -> int:
    """Write the standing explicit decisions, an example each. Returns how many.

    Args:
        store: the ledger.
        path: the file.
        describe: gives the text of a product.
        side: only decisions of this side; None for both.
        names: replaces the names of annotators; None keeps them.
        without: numbers of events to leave out.

    Raises:
        LabelsError: the ledger cannot be read, or the file cannot be written.
    """
    decisions = explicit_decisions(store, side, without)
    with output_text(path) as out:
        for decision in decisions:
            name = escape(names(decision.annotator) if names else decision.annotator)
            out.write(json_text(_example(decision, name, describe)) + "\n")
    return len(decisions)


def read_prodigy(path: Path, defaults: Defaults) -> TaskFile:
    """The answers of a file that Prodigy wrote (`prodigy db-out`); lines that are no answer about a pair are skipped.

    Raises:
        LabelsError: there is no such file, or it is not text.
    """
    found = TaskFile("line")
    for number, example in parse_json_lines(path):
        if isinstance(example, str):
            found.skipped.append(SkippedTask(number, example))
            continue
        try:
            found.decisions.append((number, _decision(example, defaults)))
        except LabelsError as error:
            found.skipped.append(SkippedTask(number, error.message, example))
    return found


def _example(decision: PortableDecision, name: str, describe: Describe) -> dict[str, object]:
    query, candidate = decision.pair
    return {
        "text": f"{query.source}: {describe(query)}\n{candidate.source}: {describe(candidate)}",
        "label": LABEL,
        "meta": task_fields(decision),
        "_input_hash": _hash(decision.pair),
        "_task_hash": _hash(decision.pair, LABEL),
        "_view_id": "classification",
        "answer": _ANSWERS[decision.decision],
        "_timestamp": int(datetime.fromisoformat(decision.at or "").timestamp()),
        "_annotator_id": name,
        "_session_id": name,
    }


def _hash(pair: Pair, *question: str) -> int:
    """A signed 32-bit hash of the pair, as Prodigy has them; not the same values as Prodigy's own."""
    content = json.dumps([*pair, *question]).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:4], signed=True)


def _decision(example: Mapping[str, object], defaults: Defaults) -> PortableDecision:
    answer, label = example.get("answer"), example.get("label", LABEL)
    if not isinstance(answer, str) or answer not in _DECISIONS:
        raise LabelsError("its answer must be accept, reject or ignore.")
    if label != LABEL:
        raise LabelsError(f'the label is not "{LABEL}": the example is about another question.')
    pair, side = parse_pair(example.get("meta"), defaults)
    annotator = parse_annotator(example.get("_annotator_id", example.get("_session_id")), defaults.annotator)
    return PortableDecision(annotator, pair, _DECISIONS[answer], _time(example.get("_timestamp")), side)


_NO_TIME = "its _timestamp is not a time in seconds."


def _time(seconds: object) -> str | None:
    if seconds is None:
        return None
    if not (is_integer(seconds) or is_number(seconds)):
        raise LabelsError(_NO_TIME)
    try:
        return datetime.fromtimestamp(float(str(seconds)), UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError) as error:  # beyond the calendar
        raise LabelsError(_NO_TIME) from error
