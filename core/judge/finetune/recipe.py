"""How a language model is tuned: the keys of `python -m mlx_lm lora --config`, and no others."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import SettingsError
from core.judge.mlx_model import whole_path
from labels.exchange.files import output_text, settings_text, unreadable_message

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: The file's name in a folder with training data.
FILE = "lora.yaml"

#: Reading YAML is slow: a megabyte takes some seconds.
_MAX_BYTES = 1 << 16
#: Columns after which YAML would fold a text: more than any path has.
_WIDTH = 1 << 16
_WAY_OUT = "Mend it, or have `samesku judge prepare` write another."


class LoraParameters(BaseModel):
    """The adapter; `scale` multiplies what it adds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: Annotated[int, Field(ge=1, le=1024)] = 8
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    scale: Annotated[float, Field(gt=0, le=1000)] = 20.0


class Recipe(BaseModel):
    """What is tuned, on what, and how.

    A lesson that is longer than `max_seq_length` would lose its verdict, and is left out; `judge prepare` writes a
    length that holds nearly all, where it can measure them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    """A folder, or a name on the hub."""
    train: Literal[True] = True
    data: str
    """The folder with train.jsonl, valid.jsonl and test.jsonl."""
    adapter_path: str = "adapters"
    """Where mlx-lm's own command puts the adapter."""
    fine_tune_type: Literal["lora", "dora"] = "lora"
    num_layers: Annotated[int, Field(ge=-1)] = -1
    """How many of the last layers get an adapter; -1 for all."""
    lora_parameters: LoraParameters = LoraParameters()
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-6
    iters: Annotated[int, Field(ge=1, le=10_000_000)] = 2000
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 8
    max_seq_length: Annotated[int, Field(ge=32, le=1_000_000)] = 512
    mask_prompt: bool = True
    """Only the answer is learnt, not the question."""
    grad_checkpoint: bool = True
    """Slower, in much less memory."""
    steps_per_report: Annotated[int, Field(ge=1)] = 10
    steps_per_eval: Annotated[int, Field(ge=1)] = 100
    val_batches: Annotated[int, Field(ge=-1)] = 25
    save_every: Annotated[int, Field(ge=1)] = 100
    """A checkpoint every so many steps."""
    seed: int = 42


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write it as YAML.

    Raises:
        LabelsError: it cannot be written.
    """
    import yaml

    with output_text(path) as out:
        out.write(
            f"# python -m mlx_lm lora --config {path.name}\n"
            "# adapter_path is for that command alone; `samesku judge train` keeps its adapter in the workspace.\n"
        )
        # Not sorted; and a long path stays on its line.
        yaml.safe_dump(recipe.model_dump(), out, sort_keys=False, allow_unicode=True, width=_WIDTH)


def read_recipe(path: Path) -> Recipe:
    """A recipe that somebody may have edited.

    Raises:
        SettingsError: there is none, or a key is unknown or does not fit; the message names it.
    """
    import yaml

    try:
        recipe = Recipe.model_validate(yaml.safe_load(settings_text(path, _MAX_BYTES)))
    except ValidationError as error:
        raise SettingsError(f"{path} {_wrong(error.errors()[0])}.", _WAY_OUT) from error
    except FileNotFoundError:
        raise SettingsError(f"There is no file {path}.", "`samesku judge prepare` writes one.") from None
    except OSError as error:
        raise SettingsError(*unreadable_message(path, error)) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{path}{where}: this is no YAML.", _WAY_OUT) from error
    # Of the working folder, which is another one for a job that goes on with it.
    folders = {"model": whole_path(recipe.model), "data": str(Path(recipe.data).absolute())}
    return recipe.model_copy(update=folders)


def _wrong(first: "ErrorDetails") -> str:
    """What pydantic found, as the reader of a recipe would say it."""
    key = ".".join(map(str, first["loc"]))
    match first["type"]:
        case "extra_forbidden":
            return f"has a key that no recipe has: {key}"
        case "missing":
            return f"lacks the key {key}"
        case "model_type" if not key:
            return "holds no keys"
    return f"does not fit: {key}: {first['msg']}"
