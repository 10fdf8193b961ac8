"""The OpenAPI document, and the service held to it by requests that schemathesis makes up."""

import hypothesis
import schemathesis
from pydantic import TypeAdapter
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from core.serving import schemas
from tests.core.serving.conftest import MakeApp, client_of

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


def test_the_document_is_openapi_3_1_with_valid_examples(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    models = document["components"]["schemas"]
    for name, schema in models.items():
        if name != "Problem":
            for example in schema.get("examples", ()):
                TypeAdapter(getattr(schemas, name)).validate_python(example)
    with_examples = {name for name, schema in models.items() if "examples" in schema}
    assert with_examples >= {"MatchRequest", "MatchResponse", "Problem", "ProductResponse"}
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            for status, response in operation["responses"].items():
                media = {"application/problem+json"} if int(status) >= 400 else set(response["content"])
                assert set(response["content"]) == media


def _requests_alone(app: ASGIApp) -> ASGIApp:
    """The application on its own machine, without its lifespan, which schemathesis would begin again and again."""

    async def requests(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [(name, b"localhost" if name == b"host" else value) for name, value in scope["headers"]]
            await app({**scope, "headers": headers}, receive, send)
        else:
            for stage in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{stage}.complete"})

    return requests


def test_made_up_requests_get_what_the_document_says(make_app: MakeApp) -> None:
    app = make_app()
    with client_of(app):
        schema = schemathesis.openapi.from_asgi("/openapi.json", _requests_alone(app))
        operations = list(schema.get_all_operations())
        assert len(operations) >= 5
        for result in operations:
            operation = result.ok()

            @hypothesis.given(case=operation.as_strategy())
            @hypothesis.settings(
                max_examples=15, derandomize=True, database=None, deadline=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            )  # fmt: skip
            def ask(case: Case) -> None:
                case.call_and_validate(checks=_CHECKS)

            ask()
        counted = app.state.service.metrics.text()
        assert 'route="/match",status="422"' in counted
        assert 'route="/products/{source}/{id:path}",status="404"' in counted
