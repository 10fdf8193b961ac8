"""The back end that encodes: the trial of the 8-bit graph, what it decides, and what is done with its files."""

import shutil
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tiny_encoder import write_tiny_model, write_tiny_sentence_encoder

from core.errors import CoreError, ModelError
from core.jobs.progress import Silent
from core.retrieval import encoder_backend, int8_encoder
from core.retrieval.encoder import Encoder
from core.retrieval.encoder_backend import Backend, choose_backend, describe_backend
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.input_scaling import scaled_inputs
from core.retrieval.int8_encoder import Int8Encoder, Trial, read_trial, run_trial
from core.retrieval.onnx_graph import GRAPH_FILE, TOKENIZER_FILE
from core.retrieval.vector_cache import VectorCache
from core.settings import EncoderSettings

TEXTS = [f"{word} printer cartridge {number}" for word in ("black", "cyan", "red") for number in range(8)] + ["x", ""]


class Messages(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = write_tiny_sentence_encoder(tmp_path_factory.mktemp("encoder"), TEXTS)
    return Encoder(EncoderModel("tiny", folder), max_tokens=32, batch_size=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the index of the encoder."""
    made = tmp_path / "index" / "tiny"
    made.mkdir(parents=True)
    return made


def choose(encoder: Encoder, folder: Path, backend: str, reporter: Silent | None = None) -> Backend:
    settings = EncoderSettings(max_tokens=32, backend=backend)  # type: ignore[arg-type]
    return choose_backend(encoder, folder, settings, TEXTS, reporter or Silent())


@pytest.fixture(scope="module")
def graph(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a trial."""
    made = tmp_path_factory.mktemp("graph")
    run_trial(encoder, made, TEXTS)
    return made


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, graph: Path) -> list[Path]:
    """Worth it for these few texts, whatever the speed; the folders in which there was one."""
    found: list[Path] = []

    def run(_: object, folder: Path, texts: object) -> Trial | None:
        found.append(folder)
        shutil.copytree(graph, folder, dirs_exist_ok=True)
        return read_trial(folder)

    monkeypatch.setattr(encoder_backend, "_MIN_TEXTS", 10)
    monkeypatch.setattr(int8_encoder, "_MIN_SPEEDUP", 0.0)
    monkeypatch.setattr(encoder_backend, "run_trial", run)
    return found


def test_the_vectors_are_those_of_torch_but_for_rounding(encoder: Encoder, graph: Path) -> None:
    trial = read_trial(graph)
    assert trial is not None
    assert trial.cosine > 0.99
    assert trial.agreement > 0.8
    found, expected = Int8Encoder(graph).encode(TEXTS), encoder.encode(TEXTS)
    assert found.dtype == np.float32
    assert ((found * expected).sum(axis=1) > 0.98).all()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert {path.name for path in graph.iterdir()} == {GRAPH_FILE, TOKENIZER_FILE, "trial.json"}


def test_all_layers_have_8_bits_and_layers_with_one_input_round_it_once(graph: Path, encoder: Encoder) -> None:
    import onnx  # noqa: PLC0415

    operators = Counter(node.op_type for node in onnx.load(graph / GRAPH_FILE).graph.node)
    blocks = len(encoder.loaded[0].model.encoder.layer)
    assert (operators["MatMul"], operators["MatMulInteger"]) == (0, 6 * blocks)
    assert operators["DynamicQuantizeLinear"] == 4 * blocks  # query, key and value share theirs
    assert operators["Attention"] == blocks
    assert operators["ReduceMax"] == min(blocks, 2), "the outliers of a token count in its own scale"


def test_the_quantiser_leaves_logging_as_it_was() -> None:
    code = """
import logging
from core.retrieval.int8_encoder import _silent_quantizer
with _silent_quantizer():
    logging.critical("quantised")
print(logging.getLogger().handlers, logging.getLogger().level, logging.getLogger().manager.disable)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[] 30 0\n", "")


def test_vectors_do_not_depend_on_the_batch(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Int8Encoder(graph).encode(TEXTS)
    monkeypatch.setattr(int8_encoder, "_CHUNK", 5)
    monkeypatch.setattr(int8_encoder, "_BATCH_TOKENS", 1)
    slices: list[slice] = []
    alone = Int8Encoder(graph).encode(TEXTS, lambda part, vectors: slices.append(part))
    # The scale of activations is that of a batch, so that rounding differs a little.
    assert ((whole * alone).sum(axis=1) > 0.98).all()
    assert [each.start for each in slices] == list(range(0, len(TEXTS), 5))


def test_what_a_chunk_is_given_to_may_fail(graph: Path) -> None:
    def fail(*_: object) -> None:
        raise CoreError("The disk is full.", "")

    with pytest.raises(CoreError, match="The disk is full"):
        Int8Encoder(graph).encode(TEXTS, fail)
    assert len(Int8Encoder(graph).encode([])) == 0


def test_a_tokenizer_that_pads_on_the_left(tmp_path: Path, folder: Path) -> None:
    model = EncoderModel("qwen", write_tiny_model(tmp_path, TEXTS, "qwen2", layers=1))
    encoder = Encoder(model, max_tokens=32, batch_size=8)
    encoder.loaded.tokenizer.padding_side = "left"
    assert run_trial(encoder, folder, TEXTS).cosine > 0.98


def test_scaling_changes_no_vector_and_is_taken_back(encoder: Encoder) -> None:
    layers = list(encoder.loaded.named_modules())
    expected = encoder.encode(TEXTS)
    with scaled_inputs(encoder.loaded, TEXTS[:4]):
        assert list(encoder.loaded.named_modules()) != layers
        np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-5)
    assert list(encoder.loaded.named_modules()) == layers
    np.testing.assert_array_equal(encoder.encode(TEXTS), expected)


def test_few_texts_are_encoded_by_torch(encoder: Encoder, folder: Path) -> None:
    backend = choose(encoder, folder, "auto")
    assert backend.encoder is encoder
    assert list(folder.iterdir()) == []


def test_auto_tries_once_and_says_what_it_found(encoder: Encoder, folder: Path, trials: list[Path]) -> None:
    reporter = Messages()
    first = choose(encoder, folder, "auto", reporter)
    assert isinstance(first.encoder, Int8Encoder)
    assert "times the speed of torch" in reporter.messages[0]
    assert choose(encoder, folder, "auto").vectors == first.vectors
    assert len(trials) == 1
    assert choose(encoder, folder, "torch").vectors != first.vectors
    assert describe_backend(folder, EncoderSettings(max_tokens=32, backend="auto")) == reporter.messages[0]
    assert describe_backend(folder, EncoderSettings(max_tokens=16, backend="auto")) == ""


@pytest.mark.parametrize("name", [GRAPH_FILE, TOKENIZER_FILE, "trial.json"])
def test_damaged_files_are_made_again(encoder: Encoder, folder: Path, trials: list[Path], name: str) -> None:
    choose(encoder, folder, "auto")
    path = folder / "int8-32" / name
    path.write_bytes(path.read_bytes()[:-20])
    assert read_trial(path.parent) is None
    backend = choose(encoder, folder, "auto")
    assert trials == [path.parent, path.parent]
    assert len(backend.encoder.encode(TEXTS)) == len(TEXTS)


def test_what_torch_has_encoded_is_not_encoded_again(encoder: Encoder, folder: Path, trials: list[Path]) -> None:
    torch = choose(encoder, folder, "torch")
    with closing(VectorCache(torch.vectors)) as cache:
        cache.encode(TEXTS, encoder, Silent())
    assert choose(encoder, folder, "auto").vectors == torch.vectors
    assert trials == []


@pytest.mark.usefixtures("trials")
@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Trial(cosine=0.97, agreement=0.95, speedup=4), "mean cosine 0.970"),
        (Trial(cosine=0.995, agreement=0.5, speedup=4), "50% of the nearest texts"),
        (Trial(cosine=float("nan"), agreement=0.95, speedup=4), "mean cosine nan"),
        (Trial(failure="It cannot be traced."), "It cannot be traced."),
    ],
)
def test_another_ranking_is_refused(
    encoder: Encoder, folder: Path, monkeypatch: pytest.MonkeyPatch, found: Trial, said: str
) -> None:
    monkeypatch.setattr(encoder_backend, "run_trial", lambda *_: found)
    reporter = Messages()
    assert choose(encoder, folder, "auto", reporter).encoder is encoder
    assert said in reporter.messages[0]
    assert choose(encoder, folder, "int8", reporter).encoder is encoder
    assert said in reporter.messages[-1]
    assert "is encoded by torch" in reporter.messages[-1]


def test_a_graph_that_is_not_faster_is_not_used(
    encoder: Encoder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_backend, "_MIN_TEXTS", 10)
    slow = Trial(cosine=1, agreement=1, speedup=0.9)
    monkeypatch.setattr(encoder_backend, "run_trial", lambda *_: slow)
    assert choose(encoder, folder, "auto").encoder is encoder
    assert isinstance(choose(encoder, folder, "int8").encoder, Int8Encoder)


def test_an_encoder_that_cannot_be_traced_stays_in_torch(
    encoder: Encoder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ModelError("It has no fast tokenizer.", "")

    monkeypatch.setattr(encoder_backend, "_MIN_TEXTS", 10)
    monkeypatch.setattr(int8_encoder, "write_onnx", refuse)
    assert choose(encoder, folder, "auto").encoder is encoder
    trial = read_trial(folder / "int8-32")
    assert trial is not None
    assert trial.objection == "It has no fast tokenizer."
    monkeypatch.setattr(encoder_backend, "run_trial", lambda *_: Trial(cosine=1, agreement=1, speedup=4))
    assert isinstance(choose(encoder, folder, "int8").encoder, Int8Encoder), "the cause may be gone"


def test_a_failed_second_attempt_leaves_no_files_of_the_first(
    encoder: Encoder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_: Encoder, to: Path, __: object, opset: int | None) -> None:
        if opset is None:
            raise ModelError("It cannot be traced.", "")
        for name in (GRAPH_FILE, TOKENIZER_FILE):
            (to / name).write_bytes(b"x")

    monkeypatch.setattr(int8_encoder, "_write_graph", write)
    monkeypatch.setattr(int8_encoder, "_compare", lambda *_: Trial(cosine=0.5, agreement=0.5, speedup=4))
    assert run_trial(encoder, folder, TEXTS).failure == "It cannot be traced."
    assert [path.name for path in folder.iterdir()] == ["trial.json"]


def test_an_encoder_that_cannot_be_loaded_leaves_no_trial(tmp_path: Path, folder: Path) -> None:
    missing = Encoder(EncoderModel("none", tmp_path / "none"), max_tokens=32, batch_size=8)
    with pytest.raises(ModelError):
        run_trial(missing, folder, TEXTS)
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("trials")
def test_without_the_libraries(encoder: Encoder, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.retrieval.onnx_graph._LIBRARIES", ("onnx_is_missing",))
    assert choose(encoder, folder, "auto").encoder is encoder
    with pytest.raises(CoreError, match="onnx_is_missing"):
        choose(encoder, folder, "int8")
