"""What the configuration of a model may ask for: no code, no other files, and no sizes that its weights do not have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labels.files import read_bounded

#: The largest published `tokenizer_config.json` have a few megabytes.
_MAX_CONFIG_BYTES = 32 * 2**20
#: Characters of a chat template; published ones have some 30,000 at most.
MAX_TEMPLATE = 262_144

#: Activations are imported by name and called.
_ACTIVATION = re.compile(r"torch\.nn\.(modules\.[a-z]+\.)?[A-Z]\w*")
#: What sentence-transformers may call on a model for its output.
_METHOD = re.compile(r"forward|get_[a-z]+_features")
#: Arguments of `from_pretrained` that a configuration may give: they lead to no other file and to no code.
_ARGUMENTS = frozenset({"attn_implementation", "dtype", "model_max_length", "padding_side", "torch_dtype", "use_cache"})
_ARGUMENT_GROUPS = frozenset(
    {"model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs"}
)
#: Ten times as many as any published model has.
_MAX_LAYERS = 2_000
_LAYERS = re.compile(r"(num_)?(hidden_|encoder_|decoder_)?layers|n_layers?|num_blocks")
_WIDTHS = ("hidden_size", "d_model", "n_embd", "dim")
_EXTENTS = re.compile(r"(\w*_)?(size|dim|heads?|labels|embeddings|positions|experts|buckets)")
#: A declared matrix has no more elements than the first, or than the second for each byte of the weights: at 2 bits a
#: weight a byte holds four. Libraries allocate what is declared before they see that the file holds something else.
_MIN_ELEMENTS, _ELEMENTS_A_BYTE = 2**28, 8


class RefusedError(Exception):
    """A file, and why it is not loaded."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(why)
        self.file = file
        self.why = why


def check_config(path: Path, weight_bytes: int) -> None:
    """Check one configuration file.

    Args:
        path: the file.
        weight_bytes: how large the weights are that it describes.

    Raises:
        RefusedError: it asks for something that is never done, or is damaged.
        OSError: it cannot be read, or is far too long.
    """
    config = parsed(path)
    if path.name != "modules.json" and not isinstance(config, dict):
        raise RefusedError(path, "it is no JSON object")
    for table in tables(config):
        for key, value in table.items():
            _check_code(path, key, value)
            _check_elsewhere(path, key, value)
        if path.name == "config.json":
            _check_extents(path, table, max(_MIN_ELEMENTS, _ELEMENTS_A_BYTE * weight_bytes))
    template = config.get("chat_template") if isinstance(config, dict) else None
    if template is not None and len(json.dumps(template)) > MAX_TEMPLATE:
        raise RefusedError(path, f"no chat template has more than {MAX_TEMPLATE:,} characters")


def parsed(path: Path) -> Any:
    """The JSON in a file.

    Raises:
        RefusedError: there is none in it.
        OSError: it cannot be read, or is far too long.
    """
    try:
        return json.loads(read_bounded(path, _MAX_CONFIG_BYTES, follow_links=True).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RefusedError(path, "it is damaged (it is no UTF-8 text)") from error
    except RecursionError as error:
        raise RefusedError(path, "it is damaged (it is nested too deep)") from error
    except ValueError as error:
        raise RefusedError(path, f"it is damaged ({error})") from error


def tables(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a JSON value, the outermost first."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _check_code(path: Path, key: str, value: Any) -> None:
    """Refuse what makes a library run or fetch code whatever `trust_remote_code` says."""
    texts = [text for text in (value.values() if isinstance(value, dict) else [value]) if isinstance(text, str)]
    if key.endswith(("attn_implementation", "experts_implementation")) and set("/:|") & set("".join(texts)):
        raise RefusedError(path, f"{key} names a kernel to download and run, and no code of a model is run")
    if key in {"use_kernels", "kernel_config", "allow_all_kernels"} and value:
        raise RefusedError(path, f"{key} asks for kernels to download and run, and no code of a model is run")
    if key == "model_file" and value:
        raise RefusedError(path, "model_file names code of its own, and no code of a model is run")
    if "activation" in key and any(t.startswith("torch.") and not _ACTIVATION.fullmatch(t) for t in texts):
        raise RefusedError(path, f"{key} names a function that is no activation of torch.nn")
    if key == "method" and path.name.startswith("sentence_") and not all(map(_METHOD.fullmatch, texts)):
        raise RefusedError(path, f"{key} names {texts[0][:100]}, which gives no output of a model")


def _check_elsewhere(path: Path, key: str, value: Any) -> None:
    """Refuse what leads to files that were not checked, or whose digest was not taken."""
    if key == "transformers_weights" and value not in (None, "model.safetensors"):
        raise RefusedError(path, f"{key} names other weights than model.safetensors")
    if key == "tokenizer_name_or_path" and path.name.startswith("sentence_") and value is not None:
        raise RefusedError(path, f"{key} leads to another folder")
    if key in _ARGUMENT_GROUPS and value:
        unknown = sorted(set(value) - _ARGUMENTS) if isinstance(value, dict) else [key]
        if unknown:
            raise RefusedError(path, f"{key} gives {unknown[0][:100]}, and only harmless arguments are passed on")


def _check_extents(path: Path, table: dict[str, Any], elements: int) -> None:
    """Refuse sizes that no weights of this file's size have."""
    width = next((table[name] for name in _WIDTHS if isinstance(table.get(name), int)), 1)
    for key, value in table.items():
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if _LAYERS.fullmatch(key) and value > _MAX_LAYERS:
            raise RefusedError(path, f"{key} is {str(value)[:20]}, more than any model has")
        if _EXTENTS.fullmatch(key) and abs(value) * abs(width) > elements:
            raise RefusedError(path, f"{key} is {str(value)[:20]}, far more than the weights hold")
