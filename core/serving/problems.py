"""Errors of the service as problem details (RFC 9457): one clear sentence, and never a stack trace."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from core.text.safe import safe
from labels.errors import SameskuError

MEDIA_TYPE = "application/problem+json"
#: Characters of a sentence: it may quote what the client sent.
_MAX_DETAIL = 500


class Problem(BaseModel):
    """Problem details of RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "There is no field 'titel' in products[0]; did you mean 'title'?",
                }
            ]
        }
    )

    type: Annotated[str, Field(description="Always about:blank: the status says what kind of problem it is.")] = (
        "about:blank"
    )
    title: Annotated[str, Field(description="The phrase of the status.")]
    status: Annotated[int, Field(description="The status of the response.")]
    detail: Annotated[str, Field(description="What is wrong, one sentence.")]
    hint: Annotated[str | None, Field(description="What to do about it, where that is known.")] = None


class ProblemError(Exception):
    """Ends a request with problem details.

    Args:
        status: of the response.
        detail: what is wrong, one sentence.
        hint: what to do about it; empty where there is nothing to add.
        headers: of the response.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.hint = hint
        self.headers = dict(headers or {})

    @classmethod
    def of(cls, status: HTTPStatus, error: SameskuError) -> "ProblemError":
        """A problem with the sentences of an error."""
        return cls(status, error.message, error.hint)

    @classmethod
    def busy(cls, detail: str, retry_after_s: int) -> "ProblemError":
        """The problem of too many requests, 429, with the seconds after which to try again."""
        return cls(
            HTTPStatus.TOO_MANY_REQUESTS,
            detail,
            f"Try again in {retry_after_s} s.",
            {"Retry-After": str(retry_after_s)},
        )


def problem_response(problem: ProblemError) -> Response:
    """The response of a problem."""
    content = Problem(
        title=problem.status.phrase,
        status=problem.status.value,
        detail=_sentence(problem.detail),
        hint=_sentence(problem.hint) or None,
    )
    return Response(
        json.dumps(content.model_dump(exclude_none=True), ensure_ascii=False),
        problem.status.value,
        problem.headers,
        MEDIA_TYPE,
    )


def _sentence(text: str) -> str:
    """A text without control characters, of limited length."""
    plain = safe(text)
    return plain if len(plain) <= _MAX_DETAIL else plain[: _MAX_DETAIL - 1] + "…"
