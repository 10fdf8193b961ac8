"""What encodes the texts of a workspace: torch, or the encoder in 8 bits where a trial has shown that it serves.

The two give slightly different vectors, so that each has a vector cache of its own, and one run uses one of them.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.errors import CoreError
from core.jobs.progress import Reporter
from core.retrieval.encoder import Encoder
from core.retrieval.int8_encoder import Int8Encoder, Trial, read_trial, run_trial
from core.retrieval.onnx_graph import has_onnx_libraries, require_onnx_libraries
from core.retrieval.vector_cache import TextEncoder, cached_vectors, vector_file
from core.settings import EncoderSettings

#: With fewer texts, making and trying a graph takes longer than it saves: 15 s for MiniLM on two cores, in which torch
#: encodes 2,500 texts.
_MIN_TEXTS = 5000


@dataclass(frozen=True, slots=True)
class Backend:
    """An encoder, and the file of its vectors."""

    encoder: TextEncoder
    vectors: Path


def choose_backend(
    encoder: Encoder, folder: Path, settings: EncoderSettings, texts: Sequence[str], reporter: Reporter
) -> Backend:
    """The back end that `encoder.backend` names; torch where 8 bits give other neighbours or, with `auto`, no speed.

    Args:
        encoder: in torch, not loaded yet.
        folder: of the encoder's index.
        settings: of the encoder.
        texts: all texts to encode, prefixes included.
        reporter: receives the result of a trial.

    Raises:
        ModelError: int8 is asked for, and its libraries are not installed.
    """
    torch = Backend(encoder, folder / f"vectors-{settings.max_tokens}.db")
    if settings.backend == "torch" or (settings.backend == "auto" and not has_onnx_libraries()):
        return torch
    graph = graph_folder(folder, settings)
    int8 = Backend(Int8Encoder(graph), folder / f"vectors-{settings.max_tokens}-int8.db")
    trial = read_trial(graph)
    if settings.backend == "int8":
        require_onnx_libraries()
        if trial is None or trial.failure:  # its cause may be gone, such as a full disk
            trial = _try(encoder, graph, texts, reporter)
        if trial.disagreement:
            # No error: a retrain of hours would end in it, with an encoder that torch can use.
            reporter.message(f"{encoder.model.id} is encoded by torch, not in 8 bits. {trial.disagreement}")
            return torch
        return int8
    if trial is None and len(set(texts)) >= _MIN_TEXTS and not _are_cached(torch.vectors, len(texts) // 2):
        trial = None if encoder.uses_accelerator else _try(encoder, graph, texts, reporter)
    return int8 if trial is not None and not trial.objection else torch


def describe_backend(folder: Path, settings: EncoderSettings) -> str:
    """What the last trial of an encoder found; empty if there was none.

    Args:
        folder: of the encoder's index.
        settings: of the encoder.
    """
    trial = read_trial(graph_folder(folder, settings))
    return (trial.objection or trial.praise) if trial is not None and settings.backend != "torch" else ""


def graph_folder(folder: Path, settings: EncoderSettings) -> Path:
    """Where the graph of an encoder is, whose tokenizer truncates at `max_tokens`."""
    return folder / f"int8-{settings.max_tokens}"


def _try(encoder: Encoder, graph: Path, texts: Sequence[str], reporter: Reporter) -> Trial:
    reporter.stage("compare the encoder in 8 bits with torch")
    graph.mkdir(exist_ok=True)
    trial = run_trial(encoder, graph, texts)
    reporter.message(trial.objection or trial.praise)
    return trial


def _are_cached(path: Path, count: int) -> bool:
    """Whether a file holds at least this many vectors, as it does in a workspace of an earlier version."""
    if not path.exists():
        return False
    try:
        with closing(vector_file(path)) as file:
            return cached_vectors(file) >= count
    except CoreError:
        return False
