"""Renders a chat template; run as a subprocess whose resource limits hold whatever the template does.

A template may loop forever or allocate any amount of memory in a single string multiplication. Python cannot interrupt
such an instruction, so the operating system limits the process.

Run as a script, `python -I template_renderer.py`, with a JSON object on standard input: `template`, `conversation`,
`arguments` (further template variables) and `longest` (maximum characters of the result). It prints a JSON object:
`text`, or `refused` with the template's error message, or `limit` with the name of the limit that was exceeded.
"""

import contextlib
import json
import resource
import sys
from pathlib import Path

#: Seconds of CPU time; rendering normally takes a millisecond.
_MAX_CPU_S = 2
#: Bytes in addition to what Python and transformers occupy before rendering.
_MAX_EXTRA_BYTES = 2**30


def main() -> None:
    """Read the request, render, print the result."""
    request = json.load(sys.stdin)
    # Imported before the limits apply, since the import is not the template's consumption.
    from transformers.utils.chat_template_utils import render_jinja_template

    _set_limits()
    try:
        texts, _ = render_jinja_template(
            [request["conversation"]], chat_template=request["template"], **request["arguments"]
        )
        answer = {"text": texts[0]} if len(texts[0]) <= request["longest"] else {"limit": "length"}
    except MemoryError:
        answer = {"limit": "memory"}
    except Exception as error:  # noqa: BLE001 - the template may raise anything
        answer = {"refused": (str(error) or type(error).__name__)[:500]}
    json.dump(answer, sys.stdout)


def _set_limits() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _MAX_CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with contextlib.suppress(ValueError, OSError):  # other systems than Linux only limit the time
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + _MAX_EXTRA_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
