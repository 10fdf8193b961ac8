"""Tiny language models, made once per session; see tests/support/tiny_llm.py."""

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
    """The folder of one that generates a verdict immediately."""
    pytest.importorskip("mlx_lm", reason="needs the extra llm", exc_type=ImportError)
    return write_tiny_llm(tmp_path_factory.mktemp("decided-llm"), decided=True)


@pytest.fixture(scope="session")
def local(tiny_llm: Path) -> LocalModel:
    """The loaded tiny model; tests must not modify it."""
    return LocalModel(str(tiny_llm))
