"""Conversations as a model's chat template writes them, without running the template on any of them.

The template runs once for each sequence of roles, in a process under limits, on marks in place of the contents; the
contents then take the places of the marks. So a template can neither hang the judging process nor fill its memory,
at the first pair or at any later one, and nothing that a listing says reaches it.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.judge import template_renderer
from core.judge.prompt import Message
from core.model_files import MAX_TEMPLATE, model_errors

#: Letters and figures alone, which every template leaves as they are; no template says this by itself.
_MARK = "CONTENT5f3a91c7e8d24b06x{}x"
_MARKS = re.compile(r"CONTENT5f3a91c7e8d24b06x(\d+)x")
#: Seconds for the process, its start included: it takes one, and its computing time is limited besides.
_WAIT_S = 120
_HINT = "Take another model as the judge, one that was tuned to follow instructions."

#: A text with holes: what stands between the contents, and which content follows, by its place in the conversation.
_Frame = tuple[list[str], list[int]]


class ChatTemplate:
    """How the model behind a tokenizer writes conversations.

    Args:
        tokenizer: mlx-lm's.
        model: the model's folder or name, for messages.
        thinking: whether the model may think aloud before its answer, for templates that ask.
    """

    def __init__(self, tokenizer: Any, model: str, *, thinking: bool) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self._thinking = thinking
        #: By roles; a sentence where the template cannot write such a conversation.
        self._frames: dict[tuple[tuple[str, ...], bool], _Frame | str] = {}

    def write(self, conversation: Sequence[Message], *, answer_begins: bool) -> str:
        """The conversation as the model reads it.

        Gemma and some others know no system message: where a template refuses it, it begins the user's.

        Args:
            conversation: messages with a role and a content each.
            answer_begins: whether the model's answer is to follow.

        Raises:
            ModelError: the template cannot write such a conversation, or not within its limits.
        """
        frame = self._frame(conversation, answer_begins)
        if isinstance(frame, str) and [message["role"] for message in conversation[:2]] == ["system", "user"]:
            system, user, *rest = conversation
            conversation = [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}, *rest]
            frame = self._frame(conversation, answer_begins)
        if isinstance(frame, str):
            raise self._unusable(frame)
        (first, *texts), places = frame
        return first + "".join(conversation[at]["content"] + text for at, text in zip(places, texts, strict=True))

    def _frame(self, conversation: Sequence[Message], answer_begins: bool) -> _Frame | str:
        """The text between the contents of such a conversation; why there is none where the template refuses it."""
        roles = tuple(message["role"] for message in conversation)
        if (roles, answer_begins) not in self._frames:
            marked = [{"role": role, "content": _MARK.format(at)} for at, role in enumerate(roles)]
            self._frames[roles, answer_begins] = self._framed(marked, answer_begins)
        return self._frames[roles, answer_begins]

    def _framed(self, marked: list[Message], answer_begins: bool) -> _Frame | str:
        arguments = {"add_generation_prompt": answer_begins, "enable_thinking": self._thinking}
        if (template := self._jinja()) is None:
            # mlx-lm's own code writes the conversations of some models.
            with model_errors(Path(self._model), _HINT):
                text = str(self._tokenizer.apply_chat_template(marked, tokenize=False, **arguments))
        else:
            given = {**self._tokenizer.special_tokens_map, **arguments}
            answer = self._rendered({"template": template, "conversation": marked, "arguments": given})
            if "text" not in answer:
                return str(answer.get("refused", "it ended without a word"))
            text = str(answer["text"])
        parts = _MARKS.split(text)
        places = [int(place) for place in parts[1::2]]
        if sorted(places) != list(range(len(marked))):
            return "it does not write each message once"
        return parts[::2], places

    def _jinja(self) -> str | None:
        """The template; None where a function of mlx-lm stands in its place."""
        if getattr(self._tokenizer, "_chat_template", None) is not None or self._tokenizer.chat_template is None:
            return None
        try:
            template = self._tokenizer.get_chat_template()
        except ValueError as error:
            raise self._unusable("there are several, and none is the default") from error
        if not isinstance(template, str) or len(template) > MAX_TEMPLATE:
            raise self._unusable(f"it has more than {MAX_TEMPLATE:,} characters")
        return template

    def _rendered(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the process answers; see `core.judge.template_renderer`."""
        command = [sys.executable, "-I", template_renderer.__file__]
        sent = json.dumps({**request, "longest": MAX_TEMPLATE}, default=str).encode()
        try:
            done = subprocess.run(  # noqa: S603 - this interpreter, and a script of ours
                command, input=sent, capture_output=True, timeout=_WAIT_S, check=False, env=_environment()
            )
            answer: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, OSError, ValueError) as error:
            raise self._unusable("it takes more time or memory than any template needs") from error
        if "limit" in answer:
            raise self._unusable(f"it takes more {answer['limit']} than any template needs")
        return answer

    def _unusable(self, why: str) -> ModelError:
        folder = Path(self._model)
        files = (folder / name for name in ("chat_template.jinja", "tokenizer_config.json"))
        named = next((file for file in files if file.is_file()), self._model)
        return ModelError(f"The chat template in {named} cannot be used: {why.rstrip('.')}.", _HINT)


def _environment() -> dict[str, str]:
    """The environment without samesku's settings: a key is among them, and a template needs none."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SAMESKU_")}
