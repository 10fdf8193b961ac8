"""Loading what sentence-transformers loads: whole, finite and as its configuration says, or not at all."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import ModelError
from core.model_files import check_encoder_files, model_errors, weights_file_with

if TYPE_CHECKING:
    from torch import nn

Loaded = TypeVar("Loaded", bound="nn.Module")

#: Weights of the body of a transformer. Heads and poolers may be absent: the one is new where a model gets another
#: task, the other is not used for vectors.
_BODY = re.compile(r"(^|\.)(embeddings?|embed_tokens|word_embedding|wte|layers?|blocks?|h)\.")
#: Parts of a larger model that a text does not pass.
_OTHER = re.compile(r"decoder|vision|image|audio")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def load_checked(make: Callable[[], Loaded], first_use: Callable[[Loaded], object], folder: Path, hint: str) -> Loaded:
    """A model that sentence-transformers makes of the files in a folder.

    transformers gives weights that are missing random values, each time others, leaves out weights that the
    configuration has no place for, and only logs both: here they are errors, as are NaN and infinity.

    Args:
        make: makes it, with `trust_remote_code=False`, from safetensors alone.
        first_use: uses it once, so that what does not fit together shows now, and not in the middle of a run.
        folder: where the files are.
        hint: the way out that the error gives.

    Raises:
        ModelError: the files ask for something that is never done, or are damaged; which, and why.
    """
    check_encoder_files(folder, hint)
    with model_errors(folder, hint), _load_report() as report:
        try:
            model = make()
        except Exception as error:
            if wrong := report.having("MISMATCH"):
                raise _unfit(folder, wrong, hint) from error
            raise
    wrong = [name for name in report.having("MISSING", "UNEXPECTED") if _BODY.search(name) and not _OTHER.search(name)]
    if wrong:
        raise _unfit(folder, wrong, hint)
    if (name := weight_without_numbers(model)) is not None:
        raise ModelError(
            f"{weights_file_with(folder, name)} cannot be loaded: {name} holds values that are no finite numbers.", hint
        )
    _without_chat_template(model)
    with model_errors(folder, hint):
        first_use(model)
    return model


def weight_without_numbers(model: "nn.Module") -> str | None:
    """The first weight that holds NaN or infinity, by its name; None where all are finite."""
    import torch  # noqa: PLC0415

    weights = ((name, weight) for name, weight in model.state_dict().items() if weight.is_floating_point())
    return next((name for name, weight in weights if not bool(torch.isfinite(weight).all())), None)


def _without_chat_template(model: Any) -> None:
    """Let no text be taken for a conversation: the template of a model's folder would run, for as long as it likes."""
    processor = getattr(model, "processor", None)
    if processor is not None and hasattr(processor, "chat_template"):
        processor.chat_template = None


def _unfit(folder: Path, names: list[str], hint: str) -> ModelError:
    return ModelError(
        f"{folder / 'config.json'} cannot be loaded: the weights beside it do not fit it, such as {names[0]}.", hint
    )


class _Report(logging.Handler):
    """What transformers logs of weights that a file lacks, or that have another shape."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[list[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        lines = _ANSI.sub("", record.getMessage()).splitlines()
        self._rows += [[cell.strip() for cell in line.split("|")] for line in lines]

    def having(self, *statuses: str) -> list[str]:
        """The weights of one of these statuses."""
        return [row[0] for row in self._rows if len(row) > 1 and row[1] in statuses]


@contextmanager
def _load_report() -> Iterator[_Report]:
    """Hear the report, which goes nowhere else."""
    logger: Any = logging.getLogger("transformers.modeling_utils")
    before, report = (logger.level, logger.propagate), _Report()
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.addHandler(report)
    try:
        yield report
    finally:
        logger.removeHandler(report)
        logger.level, logger.propagate = before
