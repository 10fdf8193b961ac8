"""A tiny language model, made once for all tests here; see tests/support/tiny_llm.py."""

from pathlib import Path

import pytest
from tiny_llm import write_tiny_llm

from core.judge.mlx_model import LocalModel


@pytest.fixture(scope="session")
def tiny_llm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Qwen2 with random weights."""
    pytest.importorskip("mlx_lm", reason="needs the extra llm", exc_type=ImportError)
    return write_tiny_llm(tmp_path_factory.mktemp("tiny-llm"))


@pytest.fixture(scope="session")
def decided_llm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one that writes a verdict at once."""
    pytest.importorskip("mlx_lm", reason="needs the extra llm", exc_type=ImportError)
    return write_tiny_llm(tmp_path_factory.mktemp("decided-llm"), decided=True)


@pytest.fixture(scope="session")
def local(tiny_llm: Path) -> LocalModel:
    """The same, loaded; nobody changes it."""
    return LocalModel(str(tiny_llm))
