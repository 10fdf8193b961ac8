"""The fine-tuning recipe: a YAML file with a subset of the keys of `python -m mlx_lm lora --config`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import SettingsError
from core.judge.model_folder import absolute_model_path
from labels.exchange.files import output_text, settings_text, unreadable_message

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: File name of the recipe in a folder with training data.
RECIPE_FILE = "lora.yaml"

#: Maximum file size: parsing a megabyte of YAML takes seconds.
_MAX_BYTES = 1 << 16
#: Line width at which YAML folds strings: longer than any path.
_LINE_WIDTH = 1 << 16
_HINT = "Fix the recipe, or have `samesku judge prepare` write another."


class LoraParameters(BaseModel):
    """Parameters of the LoRA adapter; `scale` multiplies its output."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: Annotated[int, Field(ge=1, le=1024)] = 8
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    scale: Annotated[float, Field(gt=0, le=1000)] = 20.0


class Recipe(BaseModel):
    """Base model, training data and hyperparameters.

    An example longer than `max_seq_length` is skipped: truncation would cut off its verdict. `judge prepare` writes a
    length that fits 99 % of the examples if the model's tokenizer is available.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    """A folder, or a name on the hub."""
    train: Literal[True] = True
    data: str
    """The folder that contains train.jsonl, valid.jsonl and test.jsonl."""
    adapter_path: str = "adapters"
    """Output folder of mlx-lm's own command; not used by samesku."""
    fine_tune_type: Literal["lora", "dora"] = "lora"
    num_layers: Annotated[int, Field(ge=-1)] = -1
    """Number of layers, from the last, that get an adapter; -1 for all."""
    lora_parameters: LoraParameters = LoraParameters()
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-6
    iters: Annotated[int, Field(ge=1, le=10_000_000)] = 2000
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 8
    max_seq_length: Annotated[int, Field(ge=32, le=1_000_000)] = 512
    mask_prompt: bool = True
    """Compute the loss on the answer only, not on the prompt."""
    grad_checkpoint: bool = True
    """Gradient checkpointing: slower, but much less memory."""
    steps_per_report: Annotated[int, Field(ge=1)] = 10
    steps_per_eval: Annotated[int, Field(ge=1)] = 100
    val_batches: Annotated[int, Field(ge=-1)] = 25
    save_every: Annotated[int, Field(ge=1)] = 100
    """Steps between two checkpoints."""
    seed: int = 42


#: Hyperparameters for short prompts: a verdict is a single token, so that few layers and a few epochs suffice.
_SHORT_LAYERS, _SHORT_EPOCHS, _SHORT_RATE = 6, 3, 5e-5


def short_recipe(examples: int) -> dict[str, object]:
    """The changed values of a recipe for short prompts whose answer is the verdict alone.

    Args:
        examples: number of training examples.
    """
    batch_size = Recipe.model_fields["batch_size"].default
    steps = max(1, math.ceil(_SHORT_EPOCHS * examples / batch_size))
    return {
        "num_layers": _SHORT_LAYERS, "learning_rate": _SHORT_RATE, "iters": steps, "grad_checkpoint": False,
        "save_every": max(10, steps // 10), "steps_per_eval": max(10, steps // 5),
    }  # fmt: skip


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as YAML.

    Raises:
        LabelsError: the file cannot be written.
    """
    import yaml

    with output_text(path) as out:
        out.write(
            f"# python -m mlx_lm lora --config {path.name}\n"
            "# adapter_path is for that command alone; `samesku judge train` keeps its adapter in the workspace.\n"
        )
        yaml.safe_dump(recipe.model_dump(), out, sort_keys=False, allow_unicode=True, width=_LINE_WIDTH)


def read_recipe(path: Path) -> Recipe:
    """Read and validate a recipe, which users may have edited.

    Raises:
        SettingsError: the file is missing or invalid; the message names the first offending key.
    """
    import yaml

    try:
        recipe = Recipe.model_validate(yaml.safe_load(settings_text(path, _MAX_BYTES)))
    except ValidationError as error:
        raise SettingsError(f"{path} {_describe_error(error.errors()[0])}.", _HINT) from error
    except FileNotFoundError:
        raise SettingsError(f"There is no file {path}.", "`samesku judge prepare` writes one.") from None
    except OSError as error:
        raise SettingsError(*unreadable_message(path, error)) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{path}{where}: this is not valid YAML.", _HINT) from error
    # Absolute paths, since a job that resumes the training runs in another working directory.
    folders = {"model": absolute_model_path(recipe.model), "data": str(Path(recipe.data).absolute())}
    return recipe.model_copy(update=folders)


def _describe_error(error: "ErrorDetails") -> str:
    """A pydantic error as the end of a sentence about the file."""
    key = ".".join(map(str, error["loc"]))
    match error["type"]:
        case "extra_forbidden":
            return f"has an unknown key: {key}"
        case "missing":
            return f"lacks the key {key}"
        case "model_type" if not key:
            return "holds no keys"
    return f"has an invalid value: {key}: {error['msg']}"
