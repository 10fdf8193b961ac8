"""Display names of jobs, and what a restarted job does not have to repeat."""

from collections.abc import Sequence

_NAMES: dict[tuple[str, ...], str] = {
    ("retrain", "--sweep"): "Sweep over recipes",
    ("models", "promote"): "Promote {}",
    ("models", "rollback"): "Roll back the champion",
    ("models", "export"): "Export {}",
    ("labels", "export"): "Export labels",
    ("judge", "run"): "Run the judge",
    ("judge", "label"): "Label pairs with a language model",
    ("judge", "test"): "Evaluate the judge",
    ("judge", "compare"): "Compare judges",
    ("judge", "prepare"): "Prepare the judge's training examples",
    ("judge", "train"): "Train the judge",
    ("judge", "train", "--cross-encoder"): "Train the cross-encoder",
    ("judge", "train", "--resume"): "Fine-tune the language model",
}

_RESUME_NOTES = {
    "retrain --sweep": "finished trials are kept",
    "retrain": "embeddings are kept, training continues from its last checkpoint",
    "index": "it continues where it stopped",
    "evaluate": "embeddings are kept",
    "judge run": "existing verdicts are kept",
    "judge label": "its labels are kept",
    "judge test": "existing verdicts are kept",
    "judge compare": "existing verdicts are kept",
    "judge train --resume": "it continues from its last checkpoint",
}

#: Numbers of leading words of a command line that may identify a job, the most specific first.
_WORDS = (3, 2, 1)


def job_name(arguments: Sequence[str]) -> str:
    """A display name for `python -m core ARGUMENTS`; the capitalized verb unless there is another one."""
    name = next((_NAMES[verb] for words in _WORDS if (verb := tuple(arguments[:words])) in _NAMES), None)
    if name is None:
        return " ".join(arguments[:1]).capitalize()
    return name.format(arguments[2] if len(arguments) > 2 else "a model")


def resume_note(arguments: Sequence[str]) -> str:
    """What a job that is started again keeps of its earlier work, as the end of a sentence."""
    notes = (_RESUME_NOTES.get(" ".join(arguments[:words])) for words in _WORDS)
    return next((note for note in notes if note), "it starts over")
