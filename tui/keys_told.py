"""What the doctor says of the keys that were moved."""

from typing import Any

from tui.keymap import Keymap


def with_keys(facts: dict[str, Any], keymap: Keymap) -> dict[str, Any]:
    """What the doctor found, and whether all that `[keys]` asks for could be followed."""
    told = {**facts, "keys": f"{len(keymap.moved)} moved" if keymap.moved else "none moved"}
    problems = [str(facts["problem"])] if "problem" in facts else []
    if problems := [*problems, *keymap.problems]:
        told["problem"] = " ".join(problems)
    return told
