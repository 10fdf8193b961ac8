"""Rendering conversations with a model's chat template, without exposing the template to any conversation.

A chat template is an untrusted program. It is run once per sequence of roles, in a subprocess with resource limits, on
placeholders instead of contents; the contents are then inserted into the result. A template can therefore neither hang
the judging process nor exhaust its memory, and it never sees the text of a listing. What was rendered once is kept for
as long as the process runs, since a subprocess takes a second to start.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.judge import template_renderer
from core.judge.prompt import Message
from core.model_files import MAX_TEMPLATE, model_errors

#: A placeholder for the content of message number {}: alphanumeric, so that templates leave it unchanged.
_PLACEHOLDER = "CONTENT5f3a91c7e8d24b06x{}x"
_PLACEHOLDER_PATTERN = re.compile(r"CONTENT5f3a91c7e8d24b06x(\d+)x")
#: Wall-clock limit of the subprocess, which normally takes a second to start; its CPU time is limited separately.
_TIMEOUT_S = 120
_HINT = "Use another model as the judge, one that is tuned to follow instructions."

#: A rendered conversation without its contents: the text segments, and the message number between each two of them.
_Frame = tuple[list[str], list[int]]


class ChatTemplate:
    """Renders conversations for one model.

    Args:
        tokenizer: mlx-lm's tokenizer.
        model: the model's folder or name, for error messages.
        thinking: passed to templates that have a switch for thinking before the answer.
    """

    def __init__(self, tokenizer: Any, model: str, *, thinking: bool) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self._thinking = thinking
        #: By roles and whether the answer follows; an error text if the template rejects such a conversation.
        self._frames: dict[tuple[tuple[str, ...], bool], _Frame | str] = {}

    def render(self, conversation: Sequence[Message], *, answer_begins: bool) -> str:
        """The conversation as text.

        Some templates, such as Gemma's, reject system messages; these are then prepended to the user message.

        Args:
            conversation: messages with a role and a content.
            answer_begins: whether to append the beginning of the model's turn.

        Raises:
            ModelError: the template rejects the conversation or exceeds its limits.
        """
        frame = self._frame(conversation, answer_begins)
        if isinstance(frame, str) and [message["role"] for message in conversation[:2]] == ["system", "user"]:
            system, user, *rest = conversation
            conversation = [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}, *rest]
            frame = self._frame(conversation, answer_begins)
        if isinstance(frame, str):
            raise self._unusable(frame)
        (first, *segments), numbers = frame
        return first + "".join(
            conversation[number]["content"] + segment for number, segment in zip(numbers, segments, strict=True)
        )

    def _frame(self, conversation: Sequence[Message], answer_begins: bool) -> _Frame | str:
        roles = tuple(message["role"] for message in conversation)
        key = roles, answer_begins
        if key not in self._frames:
            placeholders = [{"role": role, "content": _PLACEHOLDER.format(number)} for number, role in enumerate(roles)]
            self._frames[key] = self._render_frame(placeholders, answer_begins)
        return self._frames[key]

    def _render_frame(self, placeholders: list[Message], answer_begins: bool) -> _Frame | str:
        """The frame, or an error text if the template rejects the conversation."""
        arguments = {"add_generation_prompt": answer_begins, "enable_thinking": self._thinking}
        if (template := self._jinja_template()) is None:
            # Some models are rendered by code of mlx-lm itself, which is trusted.
            with model_errors(Path(self._model), _HINT):
                text = str(self._tokenizer.apply_chat_template(placeholders, tokenize=False, **arguments))
        else:
            variables = {**self._tokenizer.special_tokens_map, **arguments}
            request = {"template": template, "conversation": placeholders, "arguments": variables}
            answer = self._run_renderer(json.dumps({**request, "longest": MAX_TEMPLATE}, default=str))
            if "text" not in answer:
                return str(answer.get("refused", "it ended without a result"))
            text = str(answer["text"])
        parts = _PLACEHOLDER_PATTERN.split(text)
        numbers = [int(number) for number in parts[1::2]]
        if sorted(numbers) != list(range(len(placeholders))):
            return "it does not write each message exactly once"
        return parts[::2], numbers

    def _jinja_template(self) -> str | None:
        """The Jinja template; None if mlx-lm renders conversations by code instead."""
        if getattr(self._tokenizer, "_chat_template", None) is not None or self._tokenizer.chat_template is None:
            return None
        try:
            template = self._tokenizer.get_chat_template()
        except ValueError as error:
            raise self._unusable("there are several, and none is the default") from error
        if not isinstance(template, str) or len(template) > MAX_TEMPLATE:
            raise self._unusable(f"it has more than {MAX_TEMPLATE:,} characters")
        return template

    def _run_renderer(self, request: str) -> dict[str, Any]:
        try:
            return _rendered(request)
        except (subprocess.TimeoutExpired, OSError, ValueError) as error:
            raise self._unusable("it exceeds the limits on time or memory") from error
        except _LimitError as error:
            raise self._unusable(f"it exceeds the limit on {error}") from error

    def _unusable(self, reason: str) -> ModelError:
        folder = Path(self._model)
        files = (folder / name for name in ("chat_template.jinja", "tokenizer_config.json"))
        path = next((file for file in files if file.is_file()), self._model)
        return ModelError(f"The chat template in {path} cannot be used: {reason.rstrip('.')}.", _HINT)


class _LimitError(Exception):
    """The template exceeded the limit that the message names."""


@lru_cache(maxsize=64)
def _rendered(request: str) -> dict[str, Any]:
    """The answer of the subprocess; see `core.judge.template_renderer`. Failures are not kept.

    Raises:
        _LimitError: the subprocess reports an exceeded limit.
        TimeoutExpired, OSError, ValueError: it gave no answer.
    """
    command = [sys.executable, "-I", template_renderer.__file__]
    process = subprocess.run(  # noqa: S603 - this interpreter and a script of this package
        command, input=request.encode(), capture_output=True, timeout=_TIMEOUT_S, check=False, env=_environment()
    )
    answer: dict[str, Any] = json.loads(process.stdout)
    if "limit" in answer:
        raise _LimitError(answer["limit"])
    return answer


def _environment() -> dict[str, str]:
    """The environment without samesku's settings, which include the server's API key."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SAMESKU_")}
