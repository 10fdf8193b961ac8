"""Import and export of decisions as Label Studio tasks (JSON), and the matching labelling configuration.

A pair is a task, and each annotator's decision an annotation of it. The format:
https://labelstud.io/guide/task_format.html. Label Studio expects `completed_by` as an object with a user's e-mail
address, or as a user's number; it exports either.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from labels.errors import LabelsError
from labels.exchange.decisions import PortableDecision, explicit_decisions
from labels.exchange.fields import escape, is_integer, is_timestamp
from labels.exchange.files import output_text
from labels.exchange.json_values import json_text, read_json_list
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

#: The names of the Choices tag, and of the Text tag that it refers to, in the configuration.
_CHOICES_NAME, _TEXT_NAME = "decision", "candidate"

#: To be pasted under Settings > Labeling Interface > Code before the tasks are imported.
CONFIG = f"""<View>
  <Header value="Do these two listings sell the same product?"/>
  <Text name="query" value="$query"/>
  <Text name="{_TEXT_NAME}" value="$candidate"/>
  <Choices name="{_CHOICES_NAME}" toName="{_TEXT_NAME}" choice="single" required="true">
    <Choice value="{Decision.MATCH}" hotkey="a"/>
    <Choice value="{Decision.NO_MATCH}" hotkey="x"/>
    <Choice value="{Decision.UNSURE}" hotkey="u"/>
  </Choices>
</View>
"""


def export_config(path: Path) -> None:
    """Write the labelling configuration.

    Raises:
        LabelsError: the file cannot be written.
    """
    with output_text(path) as out:
        out.write(CONFIG)


def export_label_studio(
    store: LabelReader,
    path: Path,
    describe: Describe,
    *,
    side: Side | None = None,
    names: Pseudonyms | None = None,
    without: Collection[int] = (),
) -> int:
    """Write the standing explicit decisions, a task per pair and side.

    Args:
        store: the ledger.
        path: the file.
        describe: gives the text of a product.
        side: only decisions of this side; None for both.
        names: replaces the names of annotators; None keeps them.
        without: numbers of events to leave out.

    Returns:
        the number of decisions.

    Raises:
        LabelsError: the ledger cannot be read, or the file cannot be written.
    """
    by_pair: dict[tuple[Pair, str], list[PortableDecision]] = {}
    for decision in explicit_decisions(store, side, without):
        # A task has one side, so that validation decisions stay separate from training decisions.
        by_pair.setdefault((decision.pair, str(decision.side)), []).append(decision)
    tasks = [
        {
            "data": task_fields(made[0]) | {"query": describe(pair.query), "candidate": describe(pair.candidate)},
            "annotations": [_annotation(d, escape(names(d.annotator) if names else d.annotator)) for d in made],
        }
        for (pair, _), made in by_pair.items()
    ]
    with output_text(path) as out:
        out.write(json_text(tasks, indent=1) + "\n")
    return sum(map(len, by_pair.values()))


def read_label_studio(path: Path, defaults: Defaults) -> TaskFile:
    """The annotations of a file that Label Studio exported as JSON, without those that were skipped there.

    Tasks and annotations that are not valid are skipped too.

    Raises:
        LabelsError: there is no such file, or it is not a list in JSON, up to its end.
    """
    found = TaskFile("task")
    for number, task in enumerate(read_json_list(path), 1):
        try:
            pair, side, annotations = _task(task, defaults)
        except LabelsError as error:
            found.skipped.append(SkippedTask(number, error.message, task))
            continue
        for annotation in annotations:
            try:
                decision = _decision(annotation, pair, side, defaults)
            except LabelsError as error:
                found.skipped.append(SkippedTask(number, error.message, task))
            else:
                found.decisions += [] if decision is None else [(number, decision)]
    return found


def _annotation(decision: PortableDecision, name: str) -> dict[str, object]:
    choice = {
        "id": _CHOICES_NAME, "from_name": _CHOICES_NAME, "to_name": _TEXT_NAME, "type": "choices",
        "value": {"choices": [decision.decision]},
    }  # fmt: skip
    return {
        "completed_by": {"email": name}, "created_at": decision.at, "was_cancelled": False, "ground_truth": False,
        "result": [choice],
    }  # fmt: skip


def _task(task: object, defaults: Defaults) -> tuple[Pair, Side | None, list[object]]:
    """The pair of a task, its side, and its annotations."""
    if not isinstance(task, Mapping):
        raise LabelsError("this is not a task.")
    pair, side = parse_pair(task.get("data"), defaults)
    annotations = task.get("annotations", [])
    if not isinstance(annotations, list):
        raise LabelsError("its annotations are not a list.")
    return pair, side, annotations


def _decision(annotation: object, pair: Pair, side: Side | None, defaults: Defaults) -> PortableDecision | None:
    """The decision of an annotation; None for one that was skipped in Label Studio."""
    if not isinstance(annotation, Mapping):
        raise LabelsError("an annotation must be an object.")
    decision = None if annotation.get("was_cancelled") else _choice(annotation.get("result"))
    if decision is None:
        return None
    at = annotation.get("created_at")
    if at is not None and not is_timestamp(at):
        raise LabelsError("created_at is not a date and time with a UTC offset.")
    annotator = parse_annotator(_completed_by(annotation.get("completed_by")), defaults.annotator)
    return PortableDecision(annotator, pair, decision, None if at is None else str(at), side)


def _completed_by(user: object) -> object:
    """A user's e-mail address, or their number, which is all that a plain export has."""
    if isinstance(user, Mapping):
        return user.get("email") or _completed_by(user.get("id"))
    return f"user-{user}" if is_integer(user) else user


def _choice(results: object) -> Decision | None:
    """The choice in the results of an annotation; None without any."""
    if not isinstance(results, list) or not all(isinstance(result, Mapping) for result in results):
        raise LabelsError("the result of an annotation must be a list of objects.")
    chosen: list[object] = []
    for result in results:
        value = result.get("value")
        if result.get("from_name") != _CHOICES_NAME or not isinstance(value, Mapping):
            continue
        choices = value.get("choices")
        chosen += choices if isinstance(choices, list) else [choices]
    if not chosen:
        return None
    if len(chosen) > 1 or not isinstance(chosen[0], str) or chosen[0] not in set(Decision):
        raise LabelsError("an annotation must choose one of match, no_match and unsure.")
    return Decision(chosen[0])
