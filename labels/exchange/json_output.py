"""JSON in which nothing acts on a terminal, and which says exactly what the value says."""

import json
import re
from typing import Any

from labels.exchange.cells import CONTROLS

#: What `json.dumps` takes as it is; the control characters of C0 it escapes by itself. Half a surrogate pair, which a
#: file name may hold, has no UTF-8.
_RAW = re.compile(f"[{CONTROLS}\ud800-\udfff]".replace("\x00-\x1f", ""))


def json_text(value: object, **options: Any) -> str:
    r"""The value as JSON: letters of every script as they are, control characters as `\u001b`.

    Args:
        value: what `json.dumps` takes.
        **options: of `json.dumps`, such as `indent`.
    """
    text = json.dumps(value, ensure_ascii=False, **options)
    return text if text.isascii() and "\x7f" not in text else _RAW.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
