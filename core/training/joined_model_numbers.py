"""A tokenizer that reads model numbers without hyphens and slashes: `DCB-309` as `DCB309`.

Two shops spell the model number of a product differently, and word pieces on both sides of a hyphen have little in
common with those of the joined word. The rule is part of the tokenizer's normalizer, so that an encoder that is
exported reads texts as it was trained to, wherever it is loaded.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from core.json_store import save

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_CHARACTER = r"[\p{L}\p{N}]"
#: A hyphen or slash. Between two digits it is more often a range or a fraction than part of a model number.
_SEPARATOR = r"(?:(?<!\p{N})[-/]|[-/](?!\p{N}))"
#: Characters of a word that are searched for a digit. Bounded, since the time for hostile texts is.
_BEFORE, _AFTER = 8, 30
#: A separator inside a word that has a digit behind it, or before it; a lookbehind has a fixed length.
_PATTERN = "|".join(
    [
        rf"(?<={_CHARACTER}){_SEPARATOR}(?=\p{{N}}|{_CHARACTER}\S{{0,{_AFTER}}}?\p{{N}})",
        *(rf"(?<=\p{{N}}{_CHARACTER}{{{length}}}){_SEPARATOR}(?={_CHARACTER})" for length in range(_BEFORE + 1)),
    ]
)
_CONFIG = "tokenizer_config.json"


def join_model_numbers(model: "SentenceTransformer") -> bool:
    """Make an encoder's tokenizer join model numbers, in place.

    Returns:
        False, with nothing changed, if a saved tokenizer would lose the rule when it is loaded: it is not a fast one,
        or transformers ignores the saved normalizer of its architecture, such as Qwen2.
    """
    from tokenizers import Regex, normalizers

    if joins_model_numbers(model):
        return True
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        return False
    before, own = backend.normalizer, normalizers.Replace(Regex(_PATTERN), "")
    backend.normalizer = normalizers.Sequence([own] if before is None else [own, before])
    if _is_kept(model):
        return True
    backend.normalizer = before
    return False


def joins_model_numbers(model: "SentenceTransformer") -> bool:
    """Whether an encoder's tokenizer joins model numbers."""
    return _joins(model.tokenizer)


def keep_normalizer(folder: Path) -> None:
    """Make a saved encoder load its tokenizer with the normalizer that it was saved with.

    For some classes, such as `BertTokenizer`, transformers builds the normalizer from the configuration alone.

    Raises:
        CoreError: the file cannot be written.
    """
    for path in folder.rglob(_CONFIG):
        save(path, json.loads(path.read_text(encoding="utf-8")) | {"tokenizer_class": "PreTrainedTokenizerFast"})


def _is_kept(model: "SentenceTransformer") -> bool:
    from transformers import AutoTokenizer

    with TemporaryDirectory() as name:
        model.tokenizer.save_pretrained(name)
        model.transformers_model.config.save_pretrained(name)
        keep_normalizer(Path(name))
        return _joins(AutoTokenizer.from_pretrained(name, local_files_only=True, trust_remote_code=False))


def _joins(tokenizer: Any) -> bool:
    normalizer = getattr(getattr(tokenizer, "backend_tokenizer", None), "normalizer", None)
    if normalizer is None:
        return False
    steps = json.loads(normalizer.__getstate__()).get("normalizers") or [{}]
    return bool(steps[0].get("pattern") == {"Regex": _PATTERN})
