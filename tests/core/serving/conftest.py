"""A service over a small indexed workspace, in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from folder_templates import copy_of
from labelled_home import write_labelled_home
from samples import HashEncoder
from starlette.testclient import TestClient

from core.jobs.progress import Silent
from core.matching.run import bring_up_to_date
from core.retrieval.encoder_registry import Registry
from core.serving.api_keys import ApiKeys
from core.serving.service import ServiceOptions, build_service
from core.settings import load_settings
from core.workspace import Workspace

#: As the service is asked on its own machine.
LOCAL = "http://127.0.0.1"
#: No look at the files but those that a test asks for.
NEVER_S = 3600.0

MakeApp = Callable[..., FastAPI]


def update_index(workspace: Workspace, **options: bool) -> None:
    """As `samesku index`."""
    settings = load_settings(workspace.settings)
    bring_up_to_date(workspace, settings, Registry(workspace, settings).champion(), Silent(), **options)


@pytest.fixture
def home(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    """An indexed workspace with a calibrated matcher."""

    def write(folder: Path) -> None:
        update_index(write_labelled_home(folder))

    return Workspace(copy_of("an indexed workspace for the service", write, tmp_path / "home"))


@pytest.fixture
def make_app(home: Workspace) -> MakeApp:
    """Builds the application with given options."""

    def make(**options: Any) -> FastAPI:
        chosen = ServiceOptions(**{"poll_s": NEVER_S, **options})
        return build_service(home, partial(load_settings, home.settings), ApiKeys(home), chosen, Silent())

    return make


@contextmanager
def client_of(app: FastAPI) -> Iterator[TestClient]:
    """A client of a running application, on the same machine."""
    with TestClient(app, base_url=LOCAL, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(make_app: MakeApp) -> Iterator[TestClient]:
    """A client of a service with its defaults."""
    with client_of(make_app()) as client:
        yield client


def problem(answer: Any, status: int) -> str:
    """The sentence of a response that must be a problem with this status."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    value = answer.json()
    assert (value["type"], value["status"]) == ("about:blank", status)
    assert "Traceback" not in answer.text
    return str(value["detail"])
