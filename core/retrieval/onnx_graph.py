"""An encoder as one ONNX graph: token ids in, unit vectors out; pooling and normalisation are part of the graph.

`optimum` has no release for transformers 5, so the graph comes from `torch.onnx`. Number and length of the texts are
dynamic. `tokenizer.json` beside the graph truncates and pads as the encoder does.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.json_store import save
from core.model_files import model_errors
from core.packages import install_hint, require_packages
from core.retrieval.encoder_files import readable_save_errors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

GRAPH_FILE, TOKENIZER_FILE, PROMPTS_FILE = "model.onnx", "tokenizer.json", "prompts.json"

#: Name of the graph's output: the vectors, float32 of shape (texts, dimensions).
_OUTPUT = "sentence_embedding"
#: Names of its inputs, int64 of shape (texts, tokens); an encoder has two or three of them.
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
#: Texts that the graph is traced with. Neither their number nor their length is 1, which would become a constant.
_TRACED_TEXTS = ("a b", "c d e f")
#: A protobuf file has at most 2 GiB; larger weights lie in a file beside the graph.
_MAX_SINGLE_FILE_BYTES = 3 * 2**29
_LIBRARIES = ("onnx", "onnxruntime", "onnxscript")


def has_onnx_libraries() -> bool:
    """Whether the libraries of the extra `onnx` are installed, without importing them."""
    return all(find_spec(name) for name in _LIBRARIES)


def require_onnx_libraries() -> None:
    """Check, without importing them, that the libraries of the export are installed.

    Raises:
        ModelError: some are missing; the hint tells how to install them.
    """
    require_packages("An export to ONNX needs", _LIBRARIES, install_hint("onnx"), ModelError)


def write_onnx(model: "SentenceTransformer", folder: Path, source: Path, opset: int | None = None) -> None:
    """Write the graph of an encoder and its tokenizer.

    Args:
        model: in float32, on the processor.
        folder: receives the files.
        source: folder of the encoder, for messages.
        opset: version of ONNX's operators; None for the one that torch chooses, which most runtimes know.

    Raises:
        ModelError: the encoder has no fast tokenizer or an operation that ONNX lacks, or the files cannot be written.
    """
    from sentence_transformers.base.modules.transformer import Transformer

    hint = "`samesku models export ID --format sentence-transformers --out FOLDER` exports it."
    if not isinstance(model[0], Transformer) or not getattr(model.tokenizer, "is_fast", False):
        raise ModelError(f"{source} has no transformer with a fast tokenizer, which an export to ONNX needs.", hint)
    with _silent_exporter(), model_errors(source, hint):
        program = _traced(model, source, hint, opset)
    size = sum(weight.nbytes for weight in model.state_dict().values())
    with readable_save_errors(folder):
        _write_tokenizer(model, folder / TOKENIZER_FILE)
        program.save(str(folder / GRAPH_FILE), external_data=size > _MAX_SINGLE_FILE_BYTES)


def _traced(model: "SentenceTransformer", source: Path, hint: str, opset: int | None) -> Any:
    import torch
    from torch.export import Dim
    from torch.onnx.errors import OnnxExporterError

    class Graph(torch.nn.Module):  # type: ignore[misc]
        """All modules of the encoder in order, and the normalisation."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
            given = zip(_INPUTS, (input_ids, attention_mask, token_type_ids), strict=True)
            features = {name: tensor for name, tensor in given if tensor is not None}
            for module in self.encoder:
                features = module(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=-1)

    made = model.preprocess(list(_TRACED_TEXTS))
    inputs = {name: made[name] for name in _INPUTS if name in made}
    try:
        return torch.onnx.export(
            Graph().eval(),
            kwargs=inputs,
            input_names=list(inputs),
            output_names=[_OUTPUT],
            dynamic_shapes={name: {0: Dim.DYNAMIC, 1: Dim.DYNAMIC} for name in inputs},
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
    except OnnxExporterError as error:
        # Its own message is a page of advice to authors of models.
        reason = type(error.__cause__ or error).__name__
        raise ModelError(f"{source} cannot be exported to ONNX: torch cannot trace it ({reason}).", hint) from error


def _write_tokenizer(model: "SentenceTransformer", path: Path) -> None:
    tokenizer = model.tokenizer
    backend = tokenizer.backend_tokenizer
    backend.enable_truncation(model.max_seq_length, direction=tokenizer.truncation_side)
    backend.enable_padding(
        direction=tokenizer.padding_side,
        pad_id=tokenizer.pad_token_id,
        pad_type_id=tokenizer.pad_token_type_id,
        pad_token=tokenizer.pad_token,
    )
    backend.save(str(path))


def write_prompts(folder: Path, query: str, document: str) -> None:
    """Write the prefixes of query and document texts beside the graph, which has no place for them."""
    save(folder / PROMPTS_FILE, {"query": query, "document": document})


def encode_with_onnx(folder: Path, texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of some texts, prefixes included, by the exported files alone.

    Returns:
        float32 unit vectors, shape (texts, dimensions).
    """
    import onnxruntime
    from tokenizers import Tokenizer

    encodings = Tokenizer.from_file(str(folder / TOKENIZER_FILE)).encode_batch(list(texts))
    columns = {
        "input_ids": [encoding.ids for encoding in encodings],
        "attention_mask": [encoding.attention_mask for encoding in encodings],
        "token_type_ids": [encoding.type_ids for encoding in encodings],
    }
    session = onnxruntime.InferenceSession(str(folder / GRAPH_FILE), providers=["CPUExecutionProvider"])
    inputs = {each.name: np.array(columns[each.name], np.int64) for each in session.get_inputs()}
    vectors: NDArray[np.float32] = session.run(None, inputs)[0]
    return vectors


@contextmanager
def _silent_exporter() -> Iterator[None]:
    """Without what torch logs of operators of packages that are not installed, and of deprecations of its own."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
