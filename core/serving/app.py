"""The routes of the service, and its OpenAPI document."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version as version_of
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from core.serving.answers import match_result, model_info, product_filter, product_response
from core.serving.loaded_index import CurrentIndex
from core.serving.matching import MatchingService, MatchQuery
from core.serving.metrics import CONTENT_TYPE, Metrics
from core.serving.problems import MEDIA_TYPE, Problem, ProblemError, problem_response
from core.serving.products import ProductSource
from core.serving.schemas import (
    Health,
    MatchRequest,
    MatchResponse,
    ModelInfo,
    ProductResponse,
    Ready,
)
from core.serving.validation import validation_problem
from labels.errors import SameskuError
from labels.model import ProductRef

_DESCRIPTION = """\
Matches products with those of a samesku workspace. Errors are problem details (RFC 9457): `detail` is one sentence,
`hint` says what to do.
"""
#: What any route may answer.
_COMMON = {
    HTTPStatus.UNAUTHORIZED: "A key is needed, or is not known.",
    HTTPStatus.FORBIDDEN: "The request is not allowed.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; Retry-After says when to try again.",
    HTTPStatus.GATEWAY_TIMEOUT: "There was no answer in time.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A file of the workspace cannot be used now.",
}
_BODY = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON in UTF-8.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as JSON.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is not valid.",
}
_NOT_FOUND = {HTTPStatus.NOT_FOUND: "There is no such product."}


@dataclass(frozen=True)
class Service:
    """What the routes use.

    Attributes:
        index: the present index.
        matching: matches products with it.
        products: of the workspace and of requests.
        metrics: what is counted.
        close: releases everything else.
    """

    index: CurrentIndex
    matching: MatchingService
    products: ProductSource
    metrics: Metrics
    close: Callable[[], None] = lambda: None


def make_app(service: Service) -> FastAPI:
    """The application, without its guard."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.index.start()
        yield
        service.index.close()
        await asyncio.to_thread(service.matching.close)
        await asyncio.to_thread(service.close)

    app = FastAPI(
        title="samesku",
        summary="Do these two listings sell the same product?",
        description=_DESCRIPTION,
        version=version_of("samesku"),
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from another host
        redoc_url=None,
    )
    app.state.service = service
    _add_error_handlers(app)
    _add_state_routes(app, service)
    _add_match_routes(app, service)
    _complete_document(app)
    return app


def _responses(*some: dict[HTTPStatus, str]) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for the document."""
    found = {status: text for each in (*some, _COMMON) for status, text in each.items()}
    return {status.value: {"model": Problem, "description": text} for status, text in found.items()}


def _add_state_routes(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["state"], summary="Whether the process answers")
    async def healthz() -> Health:
        return Health(status="ok")

    @app.get(
        "/readyz",
        tags=["state"],
        summary="Whether an index is loaded, and which",
        responses={503: {"model": Problem, "description": "Not ready."}},
    )
    async def readyz() -> Ready:
        return Ready(status="ready", model=model_info(service.index.loaded))

    @app.get(
        "/metrics",
        tags=["state"],
        summary="Counters in the text format of Prometheus",
        response_class=PlainTextResponse,
        responses=_responses(),
    )
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(service.metrics.text(), media_type=CONTENT_TYPE)


def _add_match_routes(app: FastAPI, service: Service) -> None:
    @app.post(
        "/match",
        tags=["matching"],
        summary="Candidates of products, best first",
        response_model_exclude_none=False,
        responses=_responses(_BODY, _NOT_FOUND, {HTTPStatus.CONFLICT: "No judge is configured."}),
    )
    async def match(wanted: MatchRequest) -> MatchResponse:
        _require_stored_candidates(wanted.k, service.index.loaded.settings.search.k)
        products = await asyncio.to_thread(
            lambda: (
                service.products.inline(wanted.products or [])
                if wanted.ids is None
                else service.products.named(wanted.ids, "query")
            )
        )
        only = product_filter(wanted.filters)
        matched = await service.matching.match([MatchQuery(each, only, wanted.reasons) for each in products])
        results = [match_result(*pair, wanted.k) for pair in zip(products, matched, strict=True)]
        return MatchResponse(model=_model_of(service, matched), results=results)

    @app.get(
        "/products/{source}/{id:path}",
        tags=["matching"],
        summary="A product of the workspace",
        responses=_responses(_NOT_FOUND, {HTTPStatus.UNPROCESSABLE_ENTITY: "The path is not valid."}),
    )
    async def product(
        source: Annotated[str, Path(description="The retailer.", examples=["walmart"])],
        id: Annotated[str, Path(description="The retailer's id.", examples=["17"])],  # noqa: A002 - as in the path
    ) -> ProductResponse:
        role, found = await asyncio.to_thread(service.products.one, ProductRef(source, id))
        return product_response(role, found)


def _require_stored_candidates(k: int, limit: int) -> None:
    if k > limit:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"k is not valid: the index keeps {limit} candidates of each product, fewer than {k}.",
            f"Set search.k = {k} in samesku.toml and run `samesku index`.",
        )


def _model_of(service: Service, matched: list[Any]) -> ModelInfo:
    return model_info(matched[0].index if matched else service.index.loaded)


# -- errors --------------------------------------------------------------------------------------------------


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    async def problem(_: Request, error: ProblemError) -> Response:
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return problem_response(validation_problem(error.errors()))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        details = {
            HTTPStatus.NOT_FOUND: f"There is no {request.url.path} here; see /openapi.json.",
            HTTPStatus.METHOD_NOT_ALLOWED: f"{request.url.path} does not answer {request.method}.",
            HTTPStatus.BAD_REQUEST: "The body cannot be read as JSON.",
        }
        headers = dict(error.headers or {})
        return problem_response(ProblemError(status, details.get(status, status.phrase + "."), headers=headers))

    @app.exception_handler(SameskuError)
    async def unusable(_: Request, error: SameskuError) -> Response:
        return problem_response(ProblemError.of(HTTPStatus.SERVICE_UNAVAILABLE, error))

    @app.exception_handler(Exception)
    async def unexpected(_: Request, __: Exception) -> Response:
        return problem_response(
            ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed; the log has the reason.")
        )


# -- the document --------------------------------------------------------------------------------------------


def _complete_document(app: FastAPI) -> None:
    """Declare what FastAPI does not know: keys, which the guard checks, and the media type of problems."""
    document = app.openapi()
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "Not needed on the machine itself."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    document["security"] = [{"key": []}, {"header": []}, {}]
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if int(status) >= HTTPStatus.BAD_REQUEST:
                    response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
