"""An encoder with weights of 8 bits for ONNX Runtime, and the trial that decides whether it is used.

On processors with 8-bit instructions it encodes over four times as fast as torch in float32 (`make bench-encode`), and
loads in a second. What rounding costs depends on the encoder and on the processor, so each graph is compared with its
encoder before its first use.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError, ModelError
from core.json_store import load, save
from core.model_files import model_errors
from core.processors import available_processors
from core.retrieval.encoder import Encoder
from core.retrieval.input_scaling import scaled_inputs
from core.retrieval.manifest import IndexFile, file_damage, index_file
from core.retrieval.onnx_graph import GRAPH_FILE, TOKENIZER_FILE, write_onnx
from labels.files import drafts, publish

if TYPE_CHECKING:
    from tokenizers import Encoding

_FILES = (GRAPH_FILE, TOKENIZER_FILE)
#: What the trial found, beside them.
_TRIAL_FILE = "trial.json"
#: Texts that both encode in a trial: three seconds of torch for MiniLM on two cores.
_TRIAL_TEXTS = 512
_NEAREST = 10
#: Texts from which the size of the inputs of a layer is measured.
_MEASURED_TEXTS = 128

#: Bars of a trial. On Walmart-Amazon, MiniLM has a mean cosine of 0.998 and an agreement of 0.96, with which the hybrid
#: ranking has as many of 186 matches in the first place as with torch (`make bench-encode`).
_MIN_COSINE, _MIN_AGREEMENT, _MIN_SPEEDUP = 0.98, 0.9, 1.2

#: Tokens per batch, padding included. The speed hardly changes between 256 and 1,024; more do not fit the cache.
_BATCH_TOKENS = 512
#: Texts encoded between two progress reports, and between two commits of the cache.
_CHUNK = 2048
#: Texts that one thread tokenises at once.
_TOKENIZED = 256
#: Versions of ONNX's operators to try, None for the one that torch chooses. The first has attention as an operator,
#: with which MiniLM takes a tenth less time, but ONNX Runtime 1.32 cannot run rotary position embeddings of it.
_OPSETS = 23, None
#: ONNX Runtime's fused kernel for the addition and normalisation is slower than the two it replaces: MiniLM takes a
#: fifth less time without it.
_SLOW_FUSIONS = ["SkipLayerNormFusion"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Comparison of the graph with its encoder on some texts of the catalogue.

    Attributes:
        cosine: mean cosine of the two vectors of a text.
        agreement: share of the ten nearest texts that both have in common, mean over the texts.
        speedup: texts per second, relative to torch.
        files: of the graph and its tokenizer, by name.
        failure: why there is no graph; empty if there is one.
    """

    cosine: float = 0.0
    agreement: float = 0.0
    speedup: float = 0.0
    files: dict[str, IndexFile] = field(default_factory=dict)
    failure: str = ""

    @property
    def disagreement(self) -> str:
        """Why its vectors cannot be used, a sentence; empty if they can."""
        # `not >=`, so that NaN fails.
        if self.failure or (self.cosine >= _MIN_COSINE and self.agreement >= _MIN_AGREEMENT):
            return self.failure
        return (
            f"Its vectors are not those of torch: mean cosine {self.cosine:.3f} (at least {_MIN_COSINE} is needed),"
            f" {self.agreement:.0%} of the nearest texts in common (at least {_MIN_AGREEMENT:.0%})."
        )

    @property
    def objection(self) -> str:
        """Why it is not worth using, a sentence; empty if it is."""
        if self.disagreement or self.speedup >= _MIN_SPEEDUP:
            return self.disagreement
        return f"In 8 bits the encoder has {self.speedup:.1f} times the speed of torch: torch is used."

    @property
    def praise(self) -> str:
        """What it is worth, a sentence."""
        return (
            f"The encoder in 8 bits has {self.speedup:.1f} times the speed of torch, with {self.agreement:.0%} of the"
            " nearest texts in common."
        )


class Int8Encoder:
    """The graph in a folder that a trial has written."""

    chunk = _CHUNK

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session: Any = None
        self._tokenizer: Any = None
        self._padding: Mapping[str, Any] = {}

    def encode(
        self, texts: Sequence[str], on_chunk: Callable[[slice, NDArray[np.float32]], None] | None = None
    ) -> NDArray[np.float32]:
        """As `TextEncoder.encode` of `core.retrieval.vector_cache`."""
        hint = "`samesku index` makes it again once the folder is gone."
        with model_errors(self._folder, hint):
            self._load()
        chunks = [np.empty((0, 0), np.float32)] if not texts else []
        with ThreadPoolExecutor(available_processors()) as threads:
            for start in range(0, len(texts), _CHUNK):
                part = slice(start, min(start + _CHUNK, len(texts)))
                with model_errors(self._folder, hint):
                    chunks.append(self._encode_chunk(texts[part], threads))
                if on_chunk:
                    on_chunk(part, chunks[-1])
        return np.concatenate(chunks)

    def __reduce__(self) -> tuple[type["Int8Encoder"], tuple[Path]]:
        """Without what was loaded: another process loads it from the same folder."""
        return Int8Encoder, (self._folder,)

    def _load(self) -> None:
        if self._session is not None:
            return
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        # Batches run in parallel, each on one core: threads within a small batch mostly wait for one another.
        options.intra_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised, not printed
        self._session = onnxruntime.InferenceSession(
            str(self._folder / GRAPH_FILE), options, ["CPUExecutionProvider"], disabled_optimizers=_SLOW_FUSIONS
        )
        self._tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER_FILE))
        self._padding = self._tokenizer.padding or {}
        self._tokenizer.no_padding()

    def _encode_chunk(self, texts: Sequence[str], threads: ThreadPoolExecutor) -> NDArray[np.float32]:
        # In our own threads: where torch is loaded, the tokenizer is kept from making any.
        parts = [list(texts[start : start + _TOKENIZED]) for start in range(0, len(texts), _TOKENIZED)]
        encodings = list(chain.from_iterable(threads.map(self._tokenizer.encode_batch, parts)))
        lengths = np.array([len(encoding.ids) for encoding in encodings])
        batches = list(_batches(lengths))
        found = list(threads.map(lambda batch: self._run([encodings[i] for i in batch]), batches))
        vectors = np.empty((len(texts), found[0].shape[1]), np.float32)
        for batch, part in zip(batches, found, strict=True):
            vectors[batch] = part
        if not np.isfinite(vectors).all():
            raise ValueError("it gives vectors with NaN or infinite entries")
        return vectors

    def _run(self, encodings: "Sequence[Encoding]") -> NDArray[np.float32]:
        """Vectors of one batch."""
        columns = {
            "input_ids": self._padded([each.ids for each in encodings], self._padding["pad_id"]),
            "attention_mask": self._padded([each.attention_mask for each in encodings], 0),
            "token_type_ids": self._padded([each.type_ids for each in encodings], self._padding["pad_type_id"]),
        }
        vectors: NDArray[np.float32] = self._session.run(
            None, {each.name: columns[each.name] for each in self._session.get_inputs()}
        )[0]
        return vectors

    def _padded(self, rows: Sequence[Sequence[int]], filler: int) -> NDArray[np.int64]:
        width = max(map(len, rows))
        padded = np.full((len(rows), width), filler, np.int64)
        left = self._padding["direction"] == "left"
        for row, values in zip(padded, rows, strict=True):
            start = width - len(values) if left else 0
            row[start : start + len(values)] = values
        return padded


def _batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Positions of texts of similar length, whose padded tokens fit a batch; longest first."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, _BATCH_TOKENS // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def read_trial(folder: Path) -> Trial | None:
    """The trial whose files are in a folder; None if there was none, or the files are damaged."""
    try:
        trial = load(folder / _TRIAL_FILE, Trial)
    except (FileNotFoundError, CoreError):
        return None
    damaged = any(file_damage(folder / name, expected) for name, expected in trial.files.items())
    return None if damaged or not (trial.files or trial.failure) else trial


def run_trial(encoder: Encoder, folder: Path, texts: Sequence[str]) -> Trial:
    """Make the graph of an encoder, and compare the two.

    Args:
        encoder: on the processor, in float32.
        folder: receives graph, tokenizer and result; what is there is replaced.
        texts: of the catalogue, prefixes included; some of them are encoded by both.

    Raises:
        CoreError: the folder cannot be written.
        ModelError: the encoder cannot be loaded.
    """
    sample = texts[:: max(1, len(texts) // _TRIAL_TEXTS)][:_TRIAL_TEXTS]
    encoder.loaded  # noqa: B018 - an encoder that cannot be loaded says nothing about its graph
    for opset in _OPSETS:
        with drafts(folder) as draft:
            try:
                _write_graph(encoder, draft, sample, opset)
                trial = _compare(encoder, Int8Encoder(draft), sample)
            except ModelError as error:
                trial = Trial(failure=error.message)
                for name in _FILES:  # of the attempt before
                    (folder / name).unlink(missing_ok=True)
            else:
                trial = replace(trial, files={name: index_file(draft / name) for name in _FILES})
                for name in _FILES:
                    publish(draft / name, folder / name)
        if not trial.disagreement:
            break
    save(folder / _TRIAL_FILE, asdict(trial))
    return trial


def _write_graph(encoder: Encoder, folder: Path, texts: Sequence[str], opset: int | None) -> None:
    whole = folder / "float32"
    whole.mkdir()
    with model_errors(encoder.model.path, ""), scaled_inputs(encoder.loaded, texts[:_MEASURED_TEXTS]):
        write_onnx(encoder.loaded, whole, encoder.model.path, opset)
    (whole / TOKENIZER_FILE).rename(folder / TOKENIZER_FILE)
    with model_errors(encoder.model.path, ""), _silent_quantizer():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            whole / GRAPH_FILE,
            folder / GRAPH_FILE,
            op_types_to_quantize=["MatMul"],  # embeddings gain 5 % of speed, for a fifth of the error
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


def _compare(encoder: Encoder, quantized: Int8Encoder, texts: Sequence[str]) -> Trial:
    encoder.encode(texts[:1])  # the first call of either is slower
    quantized.encode(texts[:1])
    (expected, slow), (found, fast) = (_timed(each, texts) for each in (encoder, quantized))
    return Trial(
        cosine=float((expected * found).sum(axis=1).mean()),
        agreement=_agreement(expected, found),
        speedup=slow / fast,
    )


def _timed(encoder: Encoder | Int8Encoder, texts: Sequence[str]) -> tuple[NDArray[np.float32], float]:
    started = time.perf_counter()
    vectors = encoder.encode(texts)
    return vectors, time.perf_counter() - started


def _agreement(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Share of the nearest others that two sets of vectors of the same texts have in common."""
    count = min(_NEAREST, len(first) - 1)
    if count < 1:
        return 1.0
    nearest = []
    for vectors in (first, second):
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -np.inf)
        nearest.append(np.argpartition(-cosines, count - 1, axis=1)[:, :count])
    common = [len(np.intersect1d(*pair)) for pair in zip(*nearest, strict=True)]
    return float(np.mean(common)) / count


@contextmanager
def _silent_quantizer() -> Iterator[None]:
    """Without what the quantiser logs through the root logger, which sets it up; that is undone."""
    root = logging.getLogger()
    level, handlers, disabled = root.level, root.handlers.copy(), root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        root.handlers[:] = handlers
