"""The command line, run in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.cli.app import make_app, run


@dataclass(frozen=True)
class Answer:
    """How a call ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be exactly one JSON object on one line."""
        assert self.out.count("\n") == 1, self.out
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs `samesku ARGUMENTS` to its end."""

    def _call(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            run(make_app(), [str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        code = end.value.code
        return Answer(code if isinstance(code, int) else 0, out, err)

    return _call
