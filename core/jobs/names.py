"""What a job is called: by what it does, not by the command line that does it."""

from collections.abc import Sequence

_NAMES: dict[tuple[str, ...], str] = {
    ("models", "promote"): "Put {} in use",
    ("models", "rollback"): "Go back a model",
    ("labels", "export"): "Export labels",
}

#: What a job that is started again finds done already.
_KEPT = {
    "retrain": "what was encoded is kept, and the training begins anew",
    "index": "it goes on where it was",
    "evaluate": "what was encoded is kept",
}


def job_name(arguments: Sequence[str]) -> str:
    """What `python -m core ARGUMENTS` does, in two or three words; the verb itself where it has no other name."""
    name = _NAMES.get(tuple(arguments[:2]))
    if name is None:
        return " ".join(arguments[:1]).capitalize()
    return name.format(arguments[2] if len(arguments) > 2 else "a model")


def job_kept(arguments: Sequence[str]) -> str:
    """What is not done twice when the job is started again."""
    return _KEPT.get(arguments[0] if arguments else "", "it begins anew")
