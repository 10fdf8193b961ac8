"""Decisions as Label Studio's tasks with annotations, JSON, both ways, and the labelling configuration they go with.

The format: https://labelstud.io/guide/task_format.html. On import Label Studio wants `completed_by` as a user's e-mail
address in an object or as a user's number; it exports either. A pair is a task, an annotator an annotation of it.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from labels.errors import LabelsError
from labels.exchange.decisions import PortableDecision, explicit_decisions
from labels.exchange.fields import escape, is_integer, is_timestamp
from labels.exchange.files import output_text
from labels.exchange.json_values import json_text, read_json_list
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.tasks import Defaults, Describe, parse_annotator, parse_pair, task_fields
from labels.model import Decision, Pair, Side
from labels.reader import LabelReader

#: The names of the question and of what it is asked about in the configuration.
_QUESTION, _ABOUT = "decision", "candidate"

#: What to paste under Settings > Labeling Interface > Code before the tasks are imported.
CONFIG = f"""<View>
  <Header value="Do these two listings sell the same product?"/>
  <Text name="query" value="$query"/>
  <Text name="{_ABOUT}" value="$candidate"/>
  <Choices name="{_QUESTION}" toName="{_ABOUT}" choice="single" required="true">
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
    """Write every explicit decision that stands, a task for each pair; without some, by their numbers.

    Returns:
        how many decisions.

    Raises:
        LabelsError: the file cannot be written.
    """
    by_pair: dict[tuple[Pair, str], list[PortableDecision]] = {}
    for decision in explicit_decisions(store, side, without):
        # One task has one side: what was judged on stays apart from what trains.
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


def read_label_studio(path: Path, defaults: Defaults) -> list[PortableDecision]:
    """The annotations of a file that Label Studio exported as JSON. What was skipped there is no decision.

    Raises:
        LabelsError: no such file, or a task does not fit; the message names it.
    """
    found: list[PortableDecision] = []
    for number, task in enumerate(read_json_list(path), 1):
        try:
            found += _decisions(task, defaults)
        except LabelsError as error:
            raise LabelsError(f"{path}, task {number}: {error.message}", "Nothing was imported.") from error
    return found


def _annotation(decision: PortableDecision, name: str) -> dict[str, object]:
    choice = {
        "id": _QUESTION, "from_name": _QUESTION, "to_name": _ABOUT, "type": "choices",
        "value": {"choices": [decision.decision]},
    }  # fmt: skip
    return {
        "completed_by": {"email": name}, "created_at": decision.at, "was_cancelled": False, "ground_truth": False,
        "result": [choice],
    }  # fmt: skip


def _decisions(task: object, defaults: Defaults) -> Iterator[PortableDecision]:
    if not isinstance(task, Mapping):
        raise LabelsError("this is no task.")
    pair, side = parse_pair(task.get("data"), defaults)
    annotations = task.get("annotations", [])
    if not isinstance(annotations, list):
        raise LabelsError("its annotations are no list.")
    for annotation in annotations:
        if not isinstance(annotation, Mapping):
            raise LabelsError("an annotation is an object.")
        decision = None if annotation.get("was_cancelled") else _choice(annotation.get("result"))
        if decision is None:
            continue
        at = annotation.get("created_at")
        if at is not None and not is_timestamp(at):
            raise LabelsError("created_at is no date and time with its offset.")
        annotator = parse_annotator(_completed_by(annotation.get("completed_by")), defaults.annotator)
        yield PortableDecision(annotator, pair, decision, None if at is None else str(at), side)


def _completed_by(user: object) -> object:
    """The e-mail address, else the number, which is all that a plain export holds."""
    if isinstance(user, Mapping):
        return user.get("email") or _completed_by(user.get("id"))
    return f"user-{user}" if is_integer(user) else user


def _choice(results: object) -> Decision | None:
    """What was chosen; None where nothing was."""
    if not isinstance(results, list) or not all(isinstance(result, Mapping) for result in results):
        raise LabelsError("the result of an annotation is a list of objects.")
    chosen: list[object] = []
    for result in results:
        value = result.get("value")
        if result.get("from_name") != _QUESTION or not isinstance(value, Mapping):
            continue
        choices = value.get("choices")
        chosen += choices if isinstance(choices, list) else [choices]
    if not chosen:
        return None
    if len(chosen) > 1 or not isinstance(chosen[0], str) or chosen[0] not in set(Decision):
        raise LabelsError("an annotation chooses one of match, no_match and unsure.")
    return Decision(chosen[0])
