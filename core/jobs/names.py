"""What a job is called: by what it does, not by the command line that does it."""

from collections.abc import Sequence

_NAMES: dict[tuple[str, ...], str] = {
    ("models", "promote"): "Put {} in use",
    ("models", "rollback"): "Go back a model",
    ("labels", "export"): "Export labels",
    ("judge", "run"): "Ask the judge",
    ("judge", "test"): "Measure the judge",
    ("judge", "compare"): "Compare judges",
    ("judge", "prepare"): "Prepare the judge's lessons",
    ("judge", "train"): "Train the judge",
}

#: What a job that is started again finds done already.
_KEPT = {
    "retrain": "what was encoded is kept, and the training begins anew",
    "index": "it goes on where it was",
    "evaluate": "what was encoded is kept",
    "judge run": "verdicts that are there are kept",
    "judge test": "verdicts that are there are kept",
    "judge compare": "verdicts that are there are kept",
}


def job_name(arguments: Sequence[str]) -> str:
    """What `python -m core ARGUMENTS` does, in two or three words; the verb itself where it has no other name."""
    name = _NAMES.get(tuple(arguments[:2]))
    if name is None:
        return " ".join(arguments[:1]).capitalize()
    return name.format(arguments[2] if len(arguments) > 2 else "a model")


def job_kept(arguments: Sequence[str]) -> str:
    """What is not done twice when the job is started again."""
    kept = (_KEPT.get(" ".join(arguments[:words])) for words in (2, 1))
    return next((words for words in kept if words), "it begins anew")
