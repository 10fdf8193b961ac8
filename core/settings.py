"""The settings of a workspace: samesku.toml < environment `SAMESKU_*` < command line. Unknown keys are errors."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from core.errors import SettingsError
from core.toml_file import read_toml
from labels.consensus import Rule
from labels.model import Stream
from labels.names import name_problem

_ENVIRONMENT_PREFIX = "SAMESKU_"
#: Names in the environment that are no settings.
_RESERVED = {"SAMESKU_HOME", "SAMESKU_DEBUG", "SAMESKU_JOB", "SAMESKU_JUDGE_KEY"}
#: Settings that were renamed, by their former names. These are read as aliases, wherever a setting can be given.
RENAMED = {
    "validation.most_pairs": "validation.max_pairs",
    "labels.weigh_annotators": "labels.weight_by_annotator",
    "retrain.least_steps": "retrain.min_steps",
    "retrain.held_out": "retrain.holdout_share",
    "judge.ahead": "judge.prefetch",
}


#: pydantic's kinds of errors as a reader of TOML would say them.
_SAID = {
    "extra_forbidden": "unknown setting in this section; a new section begins with a line such as [labels]",
    "tuple_type": 'this is a list, such as ["ada", "bob"]',
    "string_type": 'this is a text in quotes, such as "space"',
    "dict_type": 'this is a table, such as { ada = ["triage"] }',
}


def _listed(value: object) -> object:
    """Environment and command line write a list as one text: `lea,bob`, or `["lea", "bob"]` as the file does."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _a_person(name: str) -> str:
    if fault := name_problem(name):
        raise ValueError(f"{name[:60]!a} cannot be a name: {fault}")
    return name


_Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
_Person = Annotated[str, AfterValidator(_a_person)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderSettings(_Section):
    """The base encoder."""

    model: Annotated[str, Field(min_length=1)] = "sentence-transformers/all-MiniLM-L6-v2"
    """A folder, a preset's name, or a name on the hub. A relative path is of the workspace's folder."""
    query_prefix: str = "auto"
    """Put before the text of a query, such as "query: "; `auto` is what the model was trained with, "" is nothing."""
    candidate_prefix: str = "auto"
    """The same for what a query may equal. Either of them makes another encoder of the same model."""
    template: str = "{title} {brand} {model}"
    """What of a product is encoded."""
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 96
    """Longer texts are cut; a title, brand and model number rarely reach it."""
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 64


class SearchSettings(_Section):
    """Candidates."""

    k: Annotated[int, Field(ge=1, le=100)] = 10
    """How many are kept and shown for each query."""
    depth: Annotated[int, Field(ge=10, le=1000)] = 100
    """How many of each retriever are fused."""
    dense_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The encoder's share in the fused score; the rest is the lexical retriever's."""


class BandSettings(_Section):
    """Where the cosine is cut into bands while no matcher has spoken."""

    high: Annotated[float, Field(gt=0, lt=1)] = 0.85
    medium: Annotated[float, Field(gt=0, lt=1)] = 0.75

    @model_validator(mode="after")
    def _ordered(self) -> "BandSettings":
        if self.medium >= self.high:
            raise ValueError("bands.medium must be below bands.high")
        return self


class ValidationSettings(_Section):
    """The manual validation set."""

    share: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """The share of queries drawn for it, of every category, before anything is known of them."""
    max_pairs: Annotated[int, Field(ge=10, le=1_000_000)] = 5000
    """No more pairs than so many are drawn, each query with its candidates: 1,000 to 5,000 are enough to judge by."""
    seed: int = 20
    """Another seed draws other queries; what was drawn stays."""


class DeskSettings(_Section):
    """The review desk."""

    lease_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 15
    """How long a query stays reserved for the one who has it on the screen."""
    practice: bool = True
    """Whether somebody new is shown the keys and three practice queries, once."""
    mouse: bool = True
    """Whether the mouse moves and clicks; without it the terminal's own selecting works as ever."""
    theme: str = "auto"
    """A theme of the menu; `auto` is samesku-dark, samesku-light or samesku-ansi, whichever fits the terminal."""


class LabelSettings(_Section):
    """What people's decisions add up to, and how they are kept."""

    rule: Rule = Rule.UNANIMOUS
    """Whether only an adjudication settles a disagreement, or else the majority."""
    overlap: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of queries that two people answer independently; it gives agreement. The second sees no scores."""
    unique: _Names = ()
    """Sources that list no product twice: two of their queries that accept one candidate contradict each other."""
    backups: Annotated[int, Field(ge=1, le=1000)] = 10
    """How many automatic backups are kept; the oldest goes first."""
    weight_by_annotator: bool = False
    """Whether labels of people who agree less with adjudicated truth weigh less in the matcher."""


class PeopleSettings(_Section):
    """Who may do what."""

    leads: Annotated[tuple[_Person, ...], BeforeValidator(_listed)] = ()
    """Who may see other people's figures, adjudicate, draw audits, promote, restore and end other people's jobs; all
    where none is named."""
    streams: dict[_Person, tuple[Stream, ...]] = {}
    """The streams that an annotator may open; all of them where a name is not listed."""


class MatchSettings(_Section):
    """What counts as the same product."""

    store_brands: Literal["different", "equivalent"] = "different"
    """Whether two retailers' own brands (Great Value, 365) are one brand: as identities no, as substitutes yes."""
    precision: Annotated[float, Field(gt=0.5, lt=1)] = 0.98
    """What the bands high (match) and low (no match) promise; bands are cut where folds of the labels keep it."""


class RetrainSettings(_Section):
    """The LoRA recipe. Sources and measurements stand in core/training/recipe.py."""

    epochs: Annotated[int, Field(ge=1, le=100)] = 4
    min_steps: Annotated[int, Field(ge=0, le=100_000)] = 20
    """With few labels there are more epochs, so that the weights move at all."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-4
    batch_size: Annotated[int, Field(ge=2, le=1024)] = 32
    hard_negatives: Annotated[int, Field(ge=1, le=10)] = 3
    rank: Annotated[int, Field(ge=1, le=256)] = 16
    alpha: Annotated[int, Field(ge=1, le=512)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    scale: Annotated[float, Field(gt=0)] = 20.0
    """Inverse temperature of the ranking loss."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the steps over which the learning rate rises."""
    seed: int = 13
    holdout_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the labelled queries kept from training to judge on, while there is no manual validation set."""
    promote: Literal["better", "never"] = "better"
    """Whether a challenger that is better beyond chance becomes champion by itself; where leads are named, only if
    one of them started the retrain."""
    min_queries: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """With fewer queries to judge on, none does."""


class JudgeSettings(_Section):
    """The second opinion. Without `use` there is none, and nothing waits for one."""

    use: Annotated[tuple[Literal["cross-encoder", "mlx", "server"], ...], BeforeValidator(_listed)] = ()
    """Who judges: a cross-encoder trained here, a language model on this machine, one behind a URL, or several."""
    combine: Literal["mean", "vote"] = "mean"
    """What several judges add up to: the mean of their probabilities, or the answer of most."""
    mode: Literal["reasoned", "fast"] = "reasoned"
    """Whether a language model writes its reasons first, or only its two verdicts are weighed."""
    prefetch: bool = False
    """Whether the candidates of the query on the screen are judged before anybody asks."""
    max_tokens: Annotated[int, Field(ge=16, le=8192)] = 512
    """How long an answer may become."""
    mlx_model: str = ""
    """A folder, or a name on the hub, that mlx-lm can load. A relative path is of the workspace's folder."""
    mlx_adapter: str = ""
    """A folder with a LoRA adapter for it; `judge train` makes one."""
    server_url: str = "http://127.0.0.1:8080/v1"
    """An OpenAI-compatible server: mlx_lm.server, vLLM, Ollama, llama.cpp."""
    server_model: str = ""
    """The model's name there. The key, if it wants one, stands in $SAMESKU_JUDGE_KEY and nowhere else."""
    server_concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    """How many requests are on their way at once."""
    server_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60
    """How long one answer may take, from the first byte sent to the last received."""
    server_retries: Annotated[int, Field(ge=0, le=20)] = 3
    """How often a request is tried again after an error that may pass."""


class Settings(_Section):
    """Everything that can be set, by section."""

    encoder: EncoderSettings = EncoderSettings()
    search: SearchSettings = SearchSettings()
    bands: BandSettings = BandSettings()
    validation: ValidationSettings = ValidationSettings()
    desk: DeskSettings = DeskSettings()
    labels: LabelSettings = LabelSettings()
    people: PeopleSettings = PeopleSettings()
    match: MatchSettings = MatchSettings()
    retrain: RetrainSettings = RetrainSettings()
    judge: JudgeSettings = JudgeSettings()
    keys: dict[str, str] = {}
    """Other keys for the desk, by what they do: `accept = "space"`, or several, `down = "t,down"`."""


def load_settings(path: Path, overrides: dict[str, str] | None = None) -> Settings:
    """The settings in force.

    Args:
        path: samesku.toml; it may be absent.
        overrides: dotted keys from the command line, such as `{"retrain.epochs": "2"}`; former names as well.

    Raises:
        SettingsError: a key is unknown or a value does not fit; the message names it.
    """
    values, environment = file_settings(path), environment_settings()
    overrides = _current(overrides or {}, "on the command line")
    for key, value in {**environment, **overrides}.items():
        _put(values, key, value)
    try:
        return _anchored(Settings.model_validate(values), path.parent.absolute())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        known = _SAID.get(first["type"], first["msg"])
        setting = ".".join(str(part) for part in first["loc"][:2])
        if _among(setting, overrides):
            origin = "on the command line"
        elif names := _among(setting, environment):
            origin = f"in the environment, as {_variable(names[0])}"
        else:
            origin = f"in {path}"
        raise SettingsError(f"{key}: {known}.", f"It is set {origin}.") from error


def _anchored(settings: Settings, home: Path) -> Settings:
    """The same with the folders of models as whole paths: jobs and the engine run in another working folder.

    Raises:
        SettingsError: a path begins with ~, and there is no such home folder.
    """
    encoder, judge = settings.encoder, settings.judge
    return settings.model_copy(
        update={
            "encoder": encoder.model_copy(update={"model": _folder("encoder.model", encoder.model, home)}),
            "judge": judge.model_copy(
                update={
                    "mlx_model": _folder("judge.mlx_model", judge.mlx_model, home),
                    "mlx_adapter": _folder("judge.mlx_adapter", judge.mlx_adapter, home, is_path=True),
                }
            ),
        }
    )


def _folder(key: str, name: str, home: Path, *, is_path: bool = False) -> str:
    """The whole path of a folder that a setting names; what is no path stays, a name on the hub say."""
    if name.startswith("~"):
        try:
            return str(Path(name).expanduser())
        except RuntimeError as error:
            raise SettingsError(f"{key}: there is no home folder for {name}.", "Write the whole path.") from error
    path = home / name
    is_path = is_path or name.startswith(("./", "../")) or os.path.isdir(path)  # noqa: PTH112 - no name makes it fail
    return str(path) if name and is_path else name


def file_settings(path: Path) -> dict[str, Any]:
    """What samesku.toml says, by section and under current names; nothing where it is absent.

    Raises:
        SettingsError: it cannot be read, or gives a setting under its current and its former name.
    """
    try:
        values = read_toml(path)
    except FileNotFoundError:
        return {}
    return {section: current_names(section, inner, f"in {path}") for section, inner in values.items()}


def environment_settings() -> dict[str, str]:
    """`SAMESKU_RETRAIN__EPOCHS=2` is `retrain.epochs`; under current names.

    Raises:
        SettingsError: a setting is given under its current and its former name.
    """
    return _current(_environment(), "in the environment")


def current_names(section: str, values: Any, origin: str = "") -> Any:
    """The values of one section with former names of settings replaced by the current ones.

    Args:
        section: such as `retrain`.
        values: by name; anything but a dict is returned as it is, for the validation to refuse.
        origin: where they are set, for the error.

    Raises:
        SettingsError: a setting is given under both names.
    """
    if not isinstance(values, dict):
        return values
    dotted = _current({f"{section}.{name}": value for name, value in values.items()}, origin)
    return {key.removeprefix(f"{section}."): value for key, value in dotted.items()}


def former_names(path: Path, overrides: Iterable[str] = ()) -> list[str]:
    """The former names under which settings are given in the file, in the environment or in `overrides`, sorted.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        values = read_toml(path)
    except FileNotFoundError:
        values = {}
    in_file = {f"{section}.{name}" for section, inner in values.items() if isinstance(inner, dict) for name in inner}
    return sorted(RENAMED.keys() & {*in_file, *_environment(), *overrides})


def _current(values: dict[str, Any], origin: str) -> dict[str, Any]:
    """Values by dotted key, with current names instead of former ones."""
    for former in RENAMED.keys() & values.keys():
        if (name := RENAMED[former]) in values:
            raise SettingsError(f"{name} and {former}, its former name, are both set {origin}.", f"Remove {former}.")
    return {RENAMED.get(key, key): value for key, value in values.items()}


def _variable(key: str) -> str:
    """The environment variable that sets a setting: of its former name, where that one is set."""
    former = [old for old, new in RENAMED.items() if new == key and old in _environment()]
    return f"{_ENVIRONMENT_PREFIX}{(former or [key])[0].upper().replace('.', '__')}"


def _environment() -> dict[str, str]:
    """The settings in the environment, by dotted key as it is written there."""
    return {
        name.removeprefix(_ENVIRONMENT_PREFIX).lower().replace("__", "."): value
        for name, value in os.environ.items()
        if name.startswith(_ENVIRONMENT_PREFIX) and name not in _RESERVED
    }


def _among(setting: str, keys: Iterable[str]) -> list[str]:
    """The keys that set it, or a part of it."""
    return [key for key in keys if key == setting or key.startswith(f"{setting}.")]


def _put(values: dict[str, Any], key: str, value: str) -> None:
    section, _, name = key.partition(".")
    if not name:
        raise SettingsError(f"{key}: a setting is written section.name.", "For example retrain.epochs=2.")
    inner = values.setdefault(section, {})
    if not isinstance(inner, dict):
        raise SettingsError(f"{section}: is a section, not a value.", "Write it as [section] in samesku.toml.")
    inner[name] = value
