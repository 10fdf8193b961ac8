"""The tokenizer of a trained encoder reads model numbers without hyphens and slashes, wherever it is loaded."""

import json
import time
from pathlib import Path

import pytest
from tiny_encoder import write_tiny_model, write_tiny_sentence_encoder

from core.retrieval.encoder import load
from core.retrieval.encoder_files import EncoderModel
from core.training.adapters import save_encoder, unit_vectors
from core.training.joined_model_numbers import join_model_numbers, joins_model_numbers

pytestmark = pytest.mark.slow

TEXTS = ["case logic dcb-309 backpack black", "wi-fi a/b router kx-tga660b", "3-1/2 in 10/100"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> EncoderModel:
    return EncoderModel("tiny", write_tiny_sentence_encoder(tmp_path_factory.mktemp("tiny"), TEXTS))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Case Logic DCB-309Black", "case logic dcb309black"),
        ("br-px68u2 / bk", "brpx68u2 / bk"),
        ("KX-TG9/B ü-5 x-y-z9", "kxtg9b u5 xyz9"),
        ("309-blackest-one", "309blackest-one"),
        ("wi-fi a/b usb 3.0", "wi-fi a/b usb 3.0"),
        ("3-1/2 in 10/100 70-300mm", "3-1/2 in 10/100 70-300mm"),
        ("-5 5- /5 -", "-5 5- /5 -"),
    ],
)
def test_separators_inside_a_word_with_a_digit_are_left_out(tiny: EncoderModel, text: str, read: str) -> None:
    model = load(tiny, 64)
    assert join_model_numbers(model)
    backend = model.tokenizer.backend_tokenizer
    assert backend.normalizer.normalize_str(text).lower() == read
    state = backend.normalizer.__getstate__()
    assert join_model_numbers(model)  # once more changes nothing
    assert backend.normalizer.__getstate__() == state


@pytest.mark.parametrize("kind", ["bert", "mpnet", "clip", "distilbert"])
def test_a_saved_encoder_reads_them_alike(tmp_path: Path, kind: str) -> None:
    model = load(EncoderModel(kind, write_tiny_model(tmp_path, TEXTS, kind)), 64)
    spellings = ["dcb-309", "dcb309"]
    assert abs(unit_vectors(model, spellings)[0] - unit_vectors(model, spellings)[1]).max() > 1e-3
    assert join_model_numbers(model)
    before = unit_vectors(model, [*TEXTS, *spellings])
    save_encoder(model, tmp_path / "saved")
    again = load(EncoderModel("saved", tmp_path / "saved"), 64)
    assert joins_model_numbers(again)
    after = unit_vectors(again, [*TEXTS, *spellings])
    assert abs(after - before).max() < 1e-6
    assert abs(after[-1] - after[-2]).max() < 1e-6
    save_encoder(again, tmp_path / "copy")
    assert joins_model_numbers(load(EncoderModel("copy", tmp_path / "copy"), 64))
    config = json.loads((tmp_path / "copy" / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"  # which transformers 4 has too


def test_a_tokenizer_that_would_be_loaded_otherwise_stays_as_it_is(tmp_path: Path) -> None:
    model = load(EncoderModel("qwen2", write_tiny_model(tmp_path, TEXTS, "qwen2")), 64)
    before = model.tokenizer.backend_tokenizer.normalizer.__getstate__()
    assert not join_model_numbers(model)
    assert model.tokenizer.backend_tokenizer.normalizer.__getstate__() == before


def test_an_encoder_that_joins_nothing_is_saved_as_it_is(tiny: EncoderModel, tmp_path: Path) -> None:
    model = load(tiny, 64)
    assert not joins_model_numbers(model)
    save_encoder(model, tmp_path / "saved")
    assert not joins_model_numbers(load(EncoderModel("saved", tmp_path / "saved"), 64))


@pytest.mark.parametrize("text", ["a-", "1a-", "a/" * 20 + "1", "-", "a-1"])
def test_the_time_grows_with_the_length_alone(tiny: EncoderModel, text: str) -> None:
    model = load(tiny, 64)
    join_model_numbers(model)
    normalizer = model.tokenizer.backend_tokenizer.normalizer

    def seconds(length: int) -> float:
        begun = time.thread_time()
        normalizer.normalize_str(text * (length // len(text)))
        return time.thread_time() - begun

    seconds(1_000)
    # Of the square, it would be 400 times as long.
    assert seconds(200_000) < 100 * max(seconds(10_000), 1e-3)
