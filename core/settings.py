"""Settings of a workspace. Precedence: command line, environment `SAMESKU_*`, samesku.toml. Unknown keys are errors."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from core.errors import SettingsError
from core.toml_file import read_toml
from labels.consensus import Rule
from labels.model import Stream
from labels.names import name_problem

_ENVIRONMENT_PREFIX = "SAMESKU_"
#: Environment variables with the prefix that are not settings.
_RESERVED = {
    "SAMESKU_HOME",
    "SAMESKU_DEBUG",
    "SAMESKU_JOB",
    "SAMESKU_JUDGE_KEY",
    "SAMESKU_API_KEYS",
    "SAMESKU_MILVUS_TOKEN",
}
#: Former → current name of renamed settings. Former names are accepted wherever a setting can be given.
RENAMED = {
    "validation.most_pairs": "validation.max_pairs",
    "labels.weigh_annotators": "labels.weight_by_annotator",
    "retrain.least_steps": "retrain.min_steps",
    "retrain.held_out": "retrain.holdout_share",
    "judge.ahead": "judge.prefetch",
}

#: pydantic error type → message in terms of TOML.
_ERROR_MESSAGES = {
    "extra_forbidden": "unknown setting in this section; a new section begins with a line such as [labels]",
    "tuple_type": 'must be a list, such as ["ada", "bob"]',
    "string_type": 'must be a text in quotes, such as "space"',
    "dict_type": 'must be a table, such as { ada = ["triage"] }',
}


def _split_list(value: object) -> object:
    """Parse a list from the environment or the command line: `lea,bob`, or `["lea", "bob"]` as in the file."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _valid_person(name: str) -> str:
    if fault := name_problem(name):
        raise ValueError(f"{name[:60]!a} cannot be a name: {fault}")
    return name


def _split_ratios(value: object) -> object:
    """Parse ratios from the environment or the command line: `mined=2,random=1`, or JSON as in a recipe."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    parts = (part.replace(":", "=").partition("=") for part in value.split(",") if part.strip())
    return {name.strip(): ratio.strip() for name, _, ratio in parts}


def _usable_ratios(ratios: dict[str, float]) -> dict[str, float]:
    if ratios and not any(ratios.values()):
        raise ValueError("one ratio must be above 0, such as mined = 2")
    return ratios


_Names = Annotated[tuple[str, ...], BeforeValidator(_split_list)]
_Person = Annotated[str, AfterValidator(_valid_person)]


class _Section(BaseModel):
    # A refused value may be a secret in the wrong place; the errors of pydantic are in the traceback of --debug.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class EncoderSettings(_Section):
    """The base encoder."""

    model: Annotated[str, Field(min_length=1)] = "sentence-transformers/all-MiniLM-L6-v2"
    """A folder, a preset, or a model on the Hugging Face hub. Relative paths start at the workspace's folder."""
    query_prefix: str = "auto"
    """Prefix of a query's text, such as "query: "; `auto` is the prefix that the model was trained with, "" is none."""
    candidate_prefix: str = "auto"
    """The same for candidates. An encoder with another prefix counts as another encoder."""
    template: str = "{title} {brand} {model}"
    """The text of a product that is encoded; fields in braces."""
    max_tokens: Annotated[int, Field(ge=8, le=512)] = 96
    """Longer texts are truncated; title, brand and model number rarely reach it."""
    dimensions: Annotated[int, Field(ge=0, le=16384)] = 0
    """Index only this many leading dimensions of a vector, for encoders trained with Matryoshka prefixes; 0 is all."""
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 64
    """Number of texts encoded at once; more need more memory, and are faster on a GPU."""
    backend: Literal["torch", "int8", "auto"] = "torch"
    """`int8` encodes with 8-bit weights on the processor, four times as fast; `auto` does if a trial favours it."""

    @property
    def later_settings(self) -> str:
        """Settings that the first versions did not have, for fingerprints; empty at their defaults.

        So an index that such a version has built stays current.
        """
        dimensions = f"dimensions {self.dimensions}" if self.dimensions else ""
        return dimensions + (f"backend {self.backend}" if self.backend != "torch" else "")


def _plain_address(uri: str) -> str:
    """An address of Milvus that may be shown; the messages do not repeat a refused one."""
    if uri.endswith(".db") and "://" not in uri:
        return uri
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port  # an invalid port raises only when it is read
    except ValueError:
        raise ValueError("this is not a URL") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must have no user, password or query; set the token in $SAMESKU_MILVUS_TOKEN instead")
    if parts.scheme not in {"http", "https"} or not host or not uri.isprintable() or " " in uri:
        raise ValueError("must be a URL, such as http://127.0.0.1:19530, or a file that ends in .db")
    return uri


class SearchSettings(_Section):
    """Candidate retrieval."""

    k: Annotated[int, Field(ge=1, le=100)] = 10
    """Number of candidates kept and shown per query."""
    depth: Annotated[int, Field(ge=10, le=1000)] = 100
    """Number of results taken from each retriever, dense and lexical, before fusion."""
    dense_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weight of the dense retriever in the hybrid score; the lexical one has the rest."""
    index: Annotated[Literal["auto", "flat", "hnsw", "ivf", "ivfpq", "sq8"], Field(repr=False)] = "auto"
    """The dense index: `flat` is exact; `auto` is exact up to 50,000 products, then `sq8` or, if that takes more than
    a quarter of the memory, `ivfpq`. See docs/explanation/scale.md."""
    recall: Annotated[float, Field(gt=0, lt=1, repr=False)] = 0.98
    """Recall@10 against exact search that an approximate index has to reach; its search parameters are set by it."""
    engine: Annotated[Literal["faiss", "milvus"], Field(repr=False)] = "faiss"
    """Where product vectors are searched: in this process (`faiss`), or in a vector database (`milvus`, extra
    `milvus`). See docs/how-to/scaling.md."""
    milvus_uri: Annotated[str, AfterValidator(_plain_address), Field(repr=False)] = "milvus.db"
    """Milvus: the URL of a server, such as http://127.0.0.1:19530, or a file of the embedded one, which ends in .db.
    A token is read from $SAMESKU_MILVUS_TOKEN only. Relative paths start at the workspace's folder."""
    milvus_collection: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$", repr=False)] = "samesku"
    """First part of the collections' names; workspaces of several machines on one server need different ones."""
    milvus_timeout_s: Annotated[float, Field(gt=0, le=3600, repr=False)] = 10
    """Time limit of one request to Milvus."""

    @property
    def later_settings(self) -> str:
        """As for the encoder; so the settings above are left out of the representation, which the fingerprint hashes.

        The recall counts for the fingerprint with every index: what `auto` becomes depends on the machine.
        """
        index = f"index {self.index}" if self.index != "auto" else ""
        recall = f"recall {self.recall}" if self.recall != 0.98 else ""
        return index + recall + (f"engine {self.engine}" if self.engine != "faiss" else "")

    @property
    def on_this_machine(self) -> "SearchSettings":
        """The same without a vector database."""
        return self.model_copy(update={"engine": "faiss"})


class ClusterSettings(_Section):
    """Where products are encoded, and files matched by `match --input`; see docs/how-to/scaling.md."""

    engine: Literal["local", "ray"] = "local"
    """In this process, or by workers of Ray (extra `ray`): on the cluster of $RAY_ADDRESS, or on this machine."""
    workers: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Number of Ray workers, each with the encoder and, for `match --input`, the index in memory; 0 is one for each
    processor or GPU."""


class BandSettings(_Section):
    """Cosine thresholds of the bands as long as there is no matcher."""

    high: Annotated[float, Field(gt=0, lt=1)] = 0.85
    """Cosine from which a candidate is in the band high."""
    medium: Annotated[float, Field(gt=0, lt=1)] = 0.75
    """Cosine from which a candidate is in the band medium; below, it is in the band low."""

    @model_validator(mode="after")
    def _ordered(self) -> "BandSettings":
        if self.medium >= self.high:
            raise ValueError("bands.medium must be below bands.high")
        return self


class ValidationSettings(_Section):
    """The manual validation set."""

    share: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Share of queries drawn for it, stratified by category, before any label exists."""
    max_pairs: Annotated[int, Field(ge=10, le=1_000_000)] = 5000
    """Upper limit of the pairs drawn, counting all candidates of a query; 1,000 to 5,000 suffice for an evaluation."""
    seed: int = 20
    """Seed of the draw; queries drawn before stay in the set."""


class DeskSettings(_Section):
    """The review desk."""

    lease_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 15
    """How long a query stays reserved for the annotator who has it on the screen."""
    practice: bool = True
    """Whether new annotators are shown the keys and three practice queries, once."""
    mouse: bool = True
    """Whether the desk reacts to the mouse; if not, the terminal's own text selection works."""
    theme: str = "auto"
    """A theme of the menu; `auto` selects samesku-dark, samesku-light or samesku-ansi by the terminal."""


class LabelSettings(_Section):
    """How decisions are combined into labels, and their backups."""

    rule: Rule = Rule.UNANIMOUS
    """How a disagreement is resolved: `unanimous` by adjudication only, `majority` also by majority."""
    overlap: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of queries labelled by two annotators, to measure agreement. The second one sees no scores."""
    unique: _Names = ()
    """Sources without duplicates: two of their queries that accept one candidate are reported as a contradiction."""
    backups: Annotated[int, Field(ge=1, le=1000)] = 10
    """Number of automatic backups kept; the oldest is deleted first."""
    weight_by_annotator: bool = False
    """Whether the matcher weights labels by the annotator's agreement with adjudicated labels."""
    llm_weight: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Weight of a language model's labels for the matcher, where a person's explicit label has 1, and the probability
    that a retrain draws one, if `retrain.weak_labels` lets it; 0: they train nothing. See `judge label`."""


class PeopleSettings(_Section):
    """Roles of annotators."""

    leads: Annotated[tuple[_Person, ...], BeforeValidator(_split_list)] = ()
    """Who may see others' figures, adjudicate, draw audits, promote, restore backups and end others' jobs; everyone if
    the list is empty."""
    streams: dict[_Person, tuple[Stream, ...]] = {}
    """Annotator → the streams that they may open; annotators without an entry may open all."""


class MatchSettings(_Section):
    """The definition of a match."""

    store_brands: Literal["different", "equivalent"] = "different"
    """Whether two retailers' own brands (Great Value, 365) count as one brand: `equivalent` to find substitutes."""
    precision: Annotated[float, Field(gt=0.5, lt=1)] = 0.98
    """Target precision of the bands high (match) and low (no match), which the training labels have to prove with 95 %
    confidence by cross-validation."""


class RetrainSettings(_Section):
    """Retraining. The keys that a recipe also has override the recipe; see docs/how-to/recipes.md."""

    recipe: Annotated[str, Field(min_length=1)] = "standard"
    """A shipped recipe (`samesku retrain --list-recipes`), or a YAML file. Relative paths start at the workspace's
    folder."""
    epochs: Annotated[int, Field(ge=1, le=100)] | None = None
    """Number of passes over the training examples; `min_steps` may require more."""
    min_steps: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """Minimum number of optimizer steps: with few labels, more epochs are run."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Peak learning rate, after the warm-up."""
    batch_size: Annotated[int, Field(ge=2, le=1024)] | None = None
    """Examples per optimizer step; each also has the others' candidates as negatives."""
    hard_negatives: Annotated[int, Field(ge=1, le=10)] | None = None
    """Number of hard negatives per training example."""
    negative_mix: Annotated[
        dict[
            Literal["explicit", "implied", "same_brand", "mined", "random", "other_gtin"],
            Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)],
        ],
        BeforeValidator(_split_ratios),
        AfterValidator(_usable_ratios),
    ] = {}
    """Sources of hard negatives with their ratio, such as { explicit = 2, same_brand = 1, mined = 2 }: non-matches of
    people, explicit or implied, another model of the brand, candidates of the index, any product, and weak labels. If
    empty, these come first, with one place for a candidate of the index; random products fill the rest."""
    rank: Annotated[int, Field(ge=1, le=256)] | None = None
    """Rank of the LoRA adapter, `lora.rank` of the recipe: a higher one trains more weights."""
    alpha: Annotated[int, Field(ge=1, le=512)] | None = None
    """Scale of the LoRA update, `lora.alpha` of the recipe: it is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Dropout probability of the LoRA layers in training, `lora.dropout` of the recipe."""
    scale: Annotated[float, Field(gt=0)] | None = None
    """Inverse temperature of the contrastive loss."""
    warmup: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of the steps used for learning rate warm-up."""
    seed: int = 13
    """Seed of the held-out queries, and of the training unless the recipe sets another one."""
    holdout_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of labelled queries held out for evaluation as long as there is no manual validation set."""
    weak_labels: Literal["never", "fill", "always"] = "never"
    """Whether weak labels, of `dataset bootstrap` and `judge label`, train, too: `fill` for queries without any
    decision of a person, `always` for all pairs without one. They never evaluate."""
    promote: Literal["better", "never"] = "better"
    """Whether a significantly better challenger is promoted automatically; if leads are named, only when a lead
    started the retrain."""
    min_queries: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """Minimum number of evaluation queries for an automatic promotion."""
    gate: Literal["auto", "matcher", "hybrid", "dense"] = "auto"
    """Ranking that a challenger must improve: `auto` is the matcher's, which annotators see, else the hybrid one."""
    gate_metric: Literal["hit@1", "hit@5", "hit@10", "mrr@10", "recall@10"] = "mrr@10"
    """Metric of that ranking."""
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Minimum gain of that metric. Its 95 % interval has to lie above zero in any case."""


class JudgeSettings(_Section):
    """The judge, which gives a second opinion on pairs. Off unless `use` names one."""

    use: Annotated[tuple[Literal["cross-encoder", "mlx", "server"], ...], BeforeValidator(_split_list)] = ()
    """The judges: a cross-encoder trained here, a local language model, one behind a URL, or several of them."""
    combine: Literal["mean", "vote"] = "mean"
    """How several judges are combined: mean probability, or majority vote."""
    mode: Literal["reasoned", "fast", "short"] = "reasoned"
    """Whether a language model writes its reasoning first, or only the probabilities of its two verdicts are read;
    `short` asks with a prompt of some hundred tokens, for small models and machines without a GPU."""
    backend: Literal["auto", "mlx", "torch"] = "auto"
    """What computes a local language model: `auto` is mlx on Metal and CUDA, else torch."""
    prefetch: bool = False
    """Whether candidates of the query on the screen are judged before a verdict is requested."""
    max_tokens: Annotated[int, Field(ge=16, le=8192)] = 512
    """Maximum length of an answer."""
    mlx_model: str = ""
    """A folder or a hub name that mlx-lm or transformers can load. Relative paths start at the workspace's folder."""
    mlx_adapter: str = ""
    """A folder with a LoRA adapter for the model; `judge train` creates one."""
    server_url: str = "http://127.0.0.1:8080/v1"
    """An OpenAI-compatible server: mlx_lm.server, vLLM, Ollama, llama.cpp."""
    server_model: str = ""
    """The model's name on the server. An API key is read from $SAMESKU_JUDGE_KEY only."""
    server_concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    """Number of concurrent requests."""
    server_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60
    """Time limit of one request, from the first byte sent to the last received."""
    server_retries: Annotated[int, Field(ge=0, le=20)] = 3
    """Number of retries after a transient error."""
    price_in: Annotated[float, Field(ge=0)] = 0.0
    """Price of a million prompt tokens, in any currency, for the cost and the limit of `judge label`."""
    price_out: Annotated[float, Field(ge=0)] = 0.0
    """Price of a million generated tokens."""


class Settings(_Section):
    """All settings, by section."""

    encoder: EncoderSettings = EncoderSettings()
    search: SearchSettings = SearchSettings()
    cluster: ClusterSettings = ClusterSettings()
    bands: BandSettings = BandSettings()
    validation: ValidationSettings = ValidationSettings()
    desk: DeskSettings = DeskSettings()
    labels: LabelSettings = LabelSettings()
    people: PeopleSettings = PeopleSettings()
    match: MatchSettings = MatchSettings()
    retrain: RetrainSettings = RetrainSettings()
    judge: JudgeSettings = JudgeSettings()
    keys: dict[str, str] = {}
    """Key bindings of the desk: action → key, such as `accept = "space"`, or several keys, `down = "t,down"`."""


def load_settings(path: Path, overrides: dict[str, str] | None = None) -> Settings:
    """Load and validate the settings in force.

    Args:
        path: samesku.toml; need not exist.
        overrides: dotted key → value from the command line, such as `{"retrain.epochs": "2"}`.

    Raises:
        SettingsError: a key is unknown or a value invalid; the message names it.
    """
    values, environment = file_settings(path), environment_settings()
    overrides = _renamed(overrides or {}, "on the command line")
    for key, value in {**environment, **overrides}.items():
        _put(values, key, value)
    try:
        return _with_absolute_paths(Settings.model_validate(values), path.parent.absolute())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        message = _ERROR_MESSAGES.get(first["type"], first["msg"].removeprefix("Value error, "))
        setting = ".".join(str(part) for part in first["loc"][:2])
        if _keys_of(setting, overrides):
            origin = "on the command line"
        elif names := _keys_of(setting, environment):
            origin = f"in the environment, as {_variable(names[0])}"
        else:
            origin = f"in {path}"
        raise SettingsError(f"{key}: {message}.", f"It is set {origin}.") from error


def _with_absolute_paths(settings: Settings, home: Path) -> Settings:
    """The settings with absolute paths of model folders, since jobs and workers run in another working directory.

    Raises:
        SettingsError: a path begins with ~ and there is no such home folder.
    """
    encoder, retrain, judge = settings.encoder, settings.retrain, settings.judge
    recipe = retrain.recipe
    is_file = "/" in recipe or recipe.endswith((".yaml", ".yml"))
    return settings.model_copy(
        update={
            "encoder": encoder.model_copy(update={"model": absolute_folder("encoder.model", encoder.model, home)}),
            "retrain": retrain.model_copy(
                update={"recipe": absolute_folder("retrain.recipe", recipe, home, is_path=True)} if is_file else {}
            ),
            "judge": judge.model_copy(
                update={
                    "mlx_model": absolute_folder("judge.mlx_model", judge.mlx_model, home),
                    "mlx_adapter": absolute_folder("judge.mlx_adapter", judge.mlx_adapter, home, is_path=True),
                }
            ),
        }
    )


def absolute_folder(key: str, name: str, home: Path, *, is_path: bool = False) -> str:
    """The absolute path of a model folder; anything that is not a path, such as a hub name, is returned unchanged."""
    if name.startswith("~"):
        try:
            return str(Path(name).expanduser())
        except RuntimeError as error:
            raise SettingsError(f"{key}: there is no home folder for {name}.", "Write an absolute path.") from error
    path = home / name
    is_path = is_path or name.startswith(("./", "../")) or os.path.isdir(path)  # noqa: PTH112 - never raises
    return str(path) if name and is_path else name


def file_settings(path: Path) -> dict[str, Any]:
    """The contents of samesku.toml by section, with current names; empty if there is no file.

    Raises:
        SettingsError: it cannot be read, or gives a setting under its current and its former name.
    """
    try:
        values = read_toml(path)
    except FileNotFoundError:
        return {}
    return {section: current_names(section, inner, f"in {path}") for section, inner in values.items()}


def environment_settings() -> dict[str, str]:
    """Settings in the environment by dotted key, with current names: `SAMESKU_RETRAIN__EPOCHS=2` is `retrain.epochs`.

    Raises:
        SettingsError: a setting is given under its current and its former name.
    """
    return _renamed(_environment(), "in the environment")


def current_names(section: str, values: Any, origin: str = "") -> Any:
    """The values of a section with former setting names replaced by current ones.

    Args:
        section: its name, such as `retrain`.
        values: by setting name; anything but a dict is returned unchanged, and refused by the validation.
        origin: where they are set, for the error message.

    Raises:
        SettingsError: a setting is given under both names.
    """
    if not isinstance(values, dict):
        return values
    dotted = _renamed({f"{section}.{name}": value for name, value in values.items()}, origin)
    return {key.removeprefix(f"{section}."): value for key, value in dotted.items()}


def former_names(path: Path, overrides: Iterable[str] = ()) -> list[str]:
    """The former setting names used in the file, in the environment or in `overrides`, sorted.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        values = read_toml(path)
    except FileNotFoundError:
        values = {}
    in_file = {f"{section}.{name}" for section, inner in values.items() if isinstance(inner, dict) for name in inner}
    return sorted(RENAMED.keys() & {*in_file, *_environment(), *overrides})


def _renamed(values: dict[str, Any], origin: str) -> dict[str, Any]:
    """Values by dotted key, with former names replaced by current ones."""
    for former in RENAMED.keys() & values.keys():
        if (name := RENAMED[former]) in values:
            raise SettingsError(f"{name} and {former}, its former name, are both set {origin}.", f"Remove {former}.")
    return {RENAMED.get(key, key): value for key, value in values.items()}


def _variable(key: str) -> str:
    """The environment variable that sets a setting, under its former name if that is what is set."""
    former = [old for old, new in RENAMED.items() if new == key and old in _environment()]
    return f"{_ENVIRONMENT_PREFIX}{(former or [key])[0].upper().replace('.', '__')}"


def _environment() -> dict[str, str]:
    """The settings in the environment by dotted key, former names included."""
    return {
        name.removeprefix(_ENVIRONMENT_PREFIX).lower().replace("__", "."): value
        for name, value in os.environ.items()
        if name.startswith(_ENVIRONMENT_PREFIX) and name not in _RESERVED
    }


def _keys_of(setting: str, keys: Iterable[str]) -> list[str]:
    """Those of the keys that set a setting or a part of it."""
    return [key for key in keys if key == setting or key.startswith(f"{setting}.")]


def _put(values: dict[str, Any], key: str, value: str) -> None:
    section, _, name = key.partition(".")
    if not name:
        raise SettingsError(f"{key}: a setting is written as section.name.", "For example retrain.epochs=2.")
    inner = values.setdefault(section, {})
    if not isinstance(inner, dict):
        raise SettingsError(f"{section}: this is a section, not a value.", "Write it as [section] in samesku.toml.")
    inner[name] = value
