"""One sentence on what is wrong with a request."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from core.serving.problems import ProblemError
from core.serving.schemas import SENTENCE, UNKNOWN_FIELD

#: Characters of a name that a sentence quotes.
_MAX_NAME = 60


def validation_problem(errors: Sequence[Mapping[str, Any]]) -> ProblemError:
    """The problem of a request that is not valid: its first error.

    Args:
        errors: of pydantic, by way of FastAPI.
    """
    error = errors[0]
    if error["type"] == "json_invalid":
        position, reason = error["loc"][-1], error.get("ctx", {}).get("error", "")
        return ProblemError(HTTPStatus.BAD_REQUEST, f"The body is not JSON, at character {position}: {reason}.")
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, _sentence(error))


def _sentence(error: Mapping[str, Any]) -> str:
    where, message, context = _place(error["loc"]), str(error["msg"]), error.get("ctx", {})
    match error["type"]:
        case _ if error["type"] == SENTENCE:
            return message
        case _ if error["type"] == UNKNOWN_FIELD:
            inside = f" in {where}" if where != _BODY else ""
            return f"There is no field {context['name'][:_MAX_NAME]!r}{inside}; {context['known']}"
        case "missing":
            return f"{where} is missing."
        case "price":
            return f"{where} is not valid: it {message}."
    wording = _WORDING.get(error["type"])
    return f"{where} is not valid{'' if wording is None else f': it {wording.format(**context)}'}."


#: What a value must be, by the error type of pydantic; with its context.
_WORDING = {
    "string_type": "must be a text",
    "string_unicode": "has a character that is none of Unicode",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length:,} characters",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be {ge:,} or more",
    "less_than_equal": "must be {le:,} or less",
    "list_type": "must be a list",
    "too_short": "must have {min_length:,} or more entries",
    "too_long": "must have at most {max_length:,} entries",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "literal_error": "must be {expected}",
}


_BODY = "The body"


def _place(location: Sequence[str | int]) -> str:
    """Where an error is, such as `products[3].price`."""
    text = ""
    for part in location[1:]:
        name = str(part)[:_MAX_NAME]
        text += f"[{part}]" if isinstance(part, int) else f".{name}" if text else name
    return text or _BODY
