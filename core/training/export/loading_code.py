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


def adapter_code(folder: Path, base: str, prefixes: Prefixes, max_tokens: int) -> str:
    """For a folder with an adapter of peft, which needs its base."""
    return f"""
from peft import PeftModel
from sentence_transformers import SentenceTransformer

model = SentenceTransformer({python_literal(base)})  # the base; base.json has the SHA-256 of its weights
model.max_seq_length = min({max_tokens}, model.max_seq_length or {max_tokens})
PeftModel.from_pretrained(model.transformers_model, {python_literal(str(folder))})  # changes the model in place
queries = model.encode([{python_literal(prefixes.query)} + text for text in texts], normalize_embeddings=True)
products = model.encode([{python_literal(prefixes.candidate)} + text for text in texts], normalize_embeddings=True)
"""
