"""The routes of the service, and its OpenAPI document."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version as version_of
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from core.catalog.product import Product, without_escape_sequences
from core.prometheus_text import CONTENT_TYPE
from core.retrieval.product_filter import ProductFilter
from core.serving.answers import (
    cluster_response,
    match_result,
    model_info,
    product_filter,
    product_response,
    verdict_info,
)
from core.serving.clusters import ClusterSource
from core.serving.feedback import FeedbackLedger
from core.serving.guard import caller_of
from core.serving.loaded_index import CurrentIndex
from core.serving.matching import MatchingService, MatchQuery
from core.serving.metrics import Metrics
from core.serving.problems import MEDIA_TYPE, Problem, ProblemError, problem_response
from core.serving.products import ProductSource
from core.serving.schemas import (
    DEFAULT_K,
    ClusterResponse,
    FeedbackRequest,
    FeedbackResponse,
    Health,
    MatchRequest,
    MatchResponse,
    MatchResult,
    Name,
    PairInput,
    ProductResponse,
    Ready,
    UndoResponse,
    VerdictResponse,
)
from core.serving.validation import validation_problem
from core.serving.verdicts import JudgeService
from labels.errors import SameskuError
from labels.model import Decision, Pair, ProductRef

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
        clusters: groups of listings that are one product.
        ledger: records decisions.
        judge: gives verdicts.
        metrics: what is counted.
        lookups: the thread that reads the products of requests.
        close: releases everything else.
    """

    index: CurrentIndex
    matching: MatchingService
    products: ProductSource
    clusters: ClusterSource
    ledger: FeedbackLedger
    judge: JudgeService
    metrics: Metrics
    lookups: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "lookups"))
    close: Callable[[], None] = lambda: None


def make_app(service: Service) -> FastAPI:
    """The application, without its guard."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.index.start()
        yield
        service.index.close()
        await asyncio.to_thread(service.matching.close)
        await asyncio.to_thread(service.judge.close)
        service.lookups.shutdown()
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
    _add_pair_routes(app, service)
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

    @app.get("/readyz", tags=["state"], summary="The models in use; the service listens once they are loaded")
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
        responses=_responses(_BODY, _NOT_FOUND, {HTTPStatus.CONFLICT: "No judge is configured."}),
    )
    async def match(wanted: MatchRequest) -> MatchResponse:
        k = _wanted_candidates(wanted.k, service.index.loaded.settings.search.k)
        only = product_filter(wanted.filters)
        # One thread reads for all requests: the catalogue lets one in at a time, and more would only wait for it, and
        # for the interpreter lock, in turns.
        products = await asyncio.get_running_loop().run_in_executor(
            service.lookups, _read_products, service.products, wanted, only
        )
        queries = [MatchQuery(without_escape_sequences(each), only, wanted.reasons) for each in products]
        matched = await service.matching.match(queries)
        results = [match_result(*pair, k) for pair in zip(products, matched, strict=True)]
        if wanted.judge:
            await _attach_verdicts(service, products, results)
        return MatchResponse(model=model_info(matched[0].index), results=results)

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
        return product_response(role, found, await asyncio.to_thread(service.clusters.of, found.ref))

    @app.get(
        "/clusters/{id}",
        tags=["matching"],
        summary="A product of samesku cluster: its listings and its golden record",
        responses=_responses(
            {
                HTTPStatus.NOT_FOUND: "There is no such product id.",
                HTTPStatus.UNPROCESSABLE_ENTITY: "A source is unknown.",
            }
        ),
    )
    async def cluster(
        id: Annotated[str, Path(description="The product id.", examples=["P5e0c1b2a9f3d47"])],  # noqa: A002 - likewise
        trust: Annotated[
            list[Name] | None,
            Query(description="Sources whose values are preferred where others do not decide, the most trusted first."),
        ] = None,
    ) -> ClusterResponse:
        return cluster_response(*await asyncio.to_thread(service.clusters.record, id, trust or []))


def _read_products(source: ProductSource, wanted: MatchRequest, only: ProductFilter | None) -> list[Product]:
    """The products of a request, whose filter must name known sources."""
    products = source.inline(wanted.products or []) if wanted.ids is None else source.named(wanted.ids, "query")
    if only is not None and only.sources:
        source.require_candidate_sources(list(only.sources))
    return products


def _wanted_candidates(k: int | None, limit: int) -> int:
    """The number of candidates that a request asks for, of those that the index keeps."""
    if k is None:
        return min(DEFAULT_K, limit)
    if k > limit:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"k is not valid: the index keeps {limit} candidates of each product, fewer than {k}.",
            f"Set search.k = {k} in samesku.toml and run `samesku index`.",
        )
    return k


async def _attach_verdicts(service: Service, queries: Sequence[Product], results: Sequence[MatchResult]) -> None:
    """Add the stored verdicts to candidates; the judge is asked nothing."""
    listed = [
        (query, candidate) for query, result in zip(queries, results, strict=True) for candidate in result.candidates
    ]
    refs = [ProductRef(candidate.source, candidate.id) for _, candidate in listed]
    products = await asyncio.to_thread(service.products.get_many, refs)
    pairs = [
        (query, candidate, products[ref])
        for (query, candidate), ref in zip(listed, refs, strict=True)
        if ref in products
    ]
    stored = await asyncio.wrap_future(service.judge.stored([(query, product) for query, _, product in pairs]))
    for (_, candidate, _), verdict in zip(pairs, stored, strict=True):
        candidate.verdict = None if verdict is None else verdict_info(verdict)


def _add_pair_routes(app: FastAPI, service: Service) -> None:
    @app.post(
        "/feedback",
        tags=["labels"],
        summary="Record a decision on a pair",
        status_code=HTTPStatus.CREATED,
        description=(
            "Answered once the decision is on disk. It is an event of the annotator `api:NAME` in the ledger of the"
            " desk, and follows its rules: a query that is open on another screen is refused, decisions"
            " that disagree are a conflict, and validation queries train nothing."
        ),
        responses=_responses(_BODY, _NOT_FOUND, {HTTPStatus.CONFLICT: "Somebody has the query on the screen."}),
    )
    async def feedback(
        request: Request,
        given: FeedbackRequest,
        idempotency_key: Annotated[
            str | None,
            Header(min_length=1, max_length=200, description="The same key records a decision once."),
        ] = None,
    ) -> FeedbackResponse:
        query, candidate = await asyncio.to_thread(service.products.pair, given.query, given.candidate)
        recorded = await asyncio.to_thread(
            service.ledger.record,
            caller_of(request),
            Pair(query.ref, candidate.ref),
            Decision(given.decision),
            idempotency_key,
        )
        return FeedbackResponse(
            query="/".join(query.ref), candidate="/".join(candidate.ref), decision=given.decision,
            annotator=recorded.annotator, action=recorded.action, repeated=recorded.repeated,
        )  # fmt: skip

    @app.post(
        "/feedback/undo",
        tags=["labels"],
        summary="Undo the latest standing decision of this key",
        responses=_responses({HTTPStatus.NOT_FOUND: "There is none."}, _BODY),
    )
    async def undo(request: Request) -> UndoResponse:
        action, query = await asyncio.to_thread(service.ledger.undo, caller_of(request))
        return UndoResponse(action=action, query="/".join(query))

    @app.post(
        "/verdict",
        tags=["matching"],
        summary="The judge's verdict on a pair",
        description="A stored verdict is returned at once; otherwise the judge is asked, which may take a while.",
        responses=_responses(_BODY, _NOT_FOUND, {HTTPStatus.CONFLICT: "No judge is configured."}),
    )
    async def verdict(given: PairInput) -> VerdictResponse:
        query, candidate = await asyncio.to_thread(service.products.pair, given.query, given.candidate)
        found = verdict_info(await asyncio.wrap_future(service.judge.verdict(query, candidate)))
        return VerdictResponse(**dict(found), query="/".join(query.ref), candidate="/".join(candidate.ref))


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
