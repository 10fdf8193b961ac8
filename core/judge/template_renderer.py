"""Renders a chat template in a process of its own, whose limits hold whatever the template does.

A template is a program: it may loop for ever, and one multiplication of a string fills any memory. No time limit within
a process ends a computation that is a single instruction to Python, so that the operating system limits the process.

Run as a script, `python -I template_renderer.py`, with a JSON object on standard input: `template`, `conversation`,
`arguments` (what else the template is given) and `longest` (characters of the text). The answer is a JSON object on
standard output: `text`, or `refused` with what the template says, or `limit` with the limit that it met.
"""

import contextlib
import json
import resource
import sys
from pathlib import Path

#: Rendering takes a millisecond.
_CPU_S = 5
#: Bytes, besides what Python and transformers take by then.
_MEMORY = 2**30


def main() -> None:
    """Read, render, answer."""
    request = json.load(sys.stdin)
    # Not under the limits: what an import takes is no fault of the template.
    from transformers.utils.chat_template_utils import render_jinja_template

    _limit()
    try:
        texts, _ = render_jinja_template(
            [request["conversation"]], chat_template=request["template"], **request["arguments"]
        )
        answer = {"text": texts[0]} if len(texts[0]) <= request["longest"] else {"limit": "length"}
    except MemoryError:
        answer = {"limit": "memory"}
    except Exception as error:  # noqa: BLE001 - whatever the template does
        answer = {"refused": (str(error) or type(error).__name__)[:500]}
    json.dump(answer, sys.stdout)


def _limit() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with contextlib.suppress(ValueError, OSError):  # only Linux says and limits it; elsewhere there is the time
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
