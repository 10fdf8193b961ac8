"""Python that loads an exported encoder, for the terminal and the README of the export."""

from pathlib import Path

from core.retrieval.encoder_identity import Prefixes
from core.retrieval.model_card_page import python_literal


def sentence_transformers_code(folder: Path, prefixes: Prefixes) -> str:
    """For a folder in the layout of sentence-transformers, which adds the prefixes itself."""
    return f"""
from sentence_transformers import SentenceTransformer

model = SentenceTransformer({python_literal(str(folder))})
queries = model.encode_query(texts)  # adds the prefix {python_literal(prefixes.query)}
products = model.encode_document(texts)  # adds the prefix {python_literal(prefixes.candidate)}
"""


def onnx_code(folder: Path) -> str:
    """For a folder with an ONNX graph, a tokenizer, and the prefixes."""
    return f"""
import json
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder = Path({python_literal(str(folder))})
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))  # truncates and pads
session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
prompts = json.loads((folder / "prompts.json").read_text())


def encode(texts, prompt):
    encodings = tokenizer.encode_batch([prompt + text for text in texts])
    columns = {{
        "input_ids": [each.ids for each in encodings],
        "attention_mask": [each.attention_mask for each in encodings],
        "token_type_ids": [each.type_ids for each in encodings],
    }}
    inputs = {{each.name: np.array(columns[each.name], np.int64) for each in session.get_inputs()}}
    return session.run(None, inputs)[0]  # unit vectors


queries = encode(texts, prompts["query"])
products = encode(texts, prompts["document"])
"""


def adapter_code(
    folder: Path, base: str, prefixes: Prefixes, max_tokens: int, *, joins_model_numbers: bool = False
) -> str:
    """For a folder with an adapter of peft, which needs its base, and with the tokenizer if that is not the base's."""
    place = python_literal(str(folder))
    imports = ["from peft import PeftModel", "from sentence_transformers import SentenceTransformer"]
    normalizer: list[str] = []
    if joins_model_numbers:
        imports = ["from pathlib import Path", "", *imports, "from tokenizers import Tokenizer"]
        normalizer = [
            "# The encoder reads model numbers without hyphens and slashes.",
            f'normalizer = Tokenizer.from_file(str(Path({place}) / "tokenizer.json")).normalizer',
            "model.tokenizer.backend_tokenizer.normalizer = normalizer",
        ]
    lines = [
        *imports,
        "",
        f"model = SentenceTransformer({python_literal(base)})  # the base; base.json has the SHA-256 of its weights",
        f"model.max_seq_length = min({max_tokens}, model.max_seq_length or {max_tokens})",
        *normalizer,
        f"PeftModel.from_pretrained(model.transformers_model, {place})  # changes the model in place",
        f"queries = {_encode(prefixes.query)}",
        f"products = {_encode(prefixes.candidate)}",
    ]
    return "\n" + "\n".join(lines) + "\n"


def _encode(prefix: str) -> str:
    return f"model.encode([{python_literal(prefix)} + text for text in texts], normalize_embeddings=True)"
