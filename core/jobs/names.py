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
    ("judge", "train", "--cross-encoder"): "Train the cross-encoder",
    ("judge", "train", "--resume"): "Tune the language model",
}

#: What a job that is started again finds done already.
_KEPT = {
    "retrain": "what was encoded is kept, and the training begins anew",
    "index": "it goes on where it was",
    "evaluate": "what was encoded is kept",
    "judge run": "verdicts that are there are kept",
    "judge test": "verdicts that are there are kept",
    "judge compare": "verdicts that are there are kept",
    "judge train --resume": "it goes on from its last checkpoint",
}

#: So many words of a command line may say what it does; the more, the better.
_WORDS = (3, 2, 1)


def job_name(arguments: Sequence[str]) -> str:
    """What `python -m core ARGUMENTS` does, in a few words; the verb itself where it has no other name."""
    name = next((_NAMES[known] for words in _WORDS if (known := tuple(arguments[:words])) in _NAMES), None)
    if name is None:
        return " ".join(arguments[:1]).capitalize()
    return name.format(arguments[2] if len(arguments) > 2 else "a model")


def job_kept(arguments: Sequence[str]) -> str:
    """What is not done twice when the job is started again."""
    kept = (_KEPT.get(" ".join(arguments[:words])) for words in _WORDS)
    return next((words for words in kept if words), "it begins anew")
