"""A count before a noun goes through `labels.wording.counted`: never "1 queries"."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for package in ("labels", "core", "tui") for path in (ROOT / package).rglob("*.py"))

_NOUNS = (
    "accounts|answers|backups|campaigns|candidates|categories|changes|checks|colours|columns|decisions|desks|differences|"
    "draws|encoders|errors|events|files|flags|hours|ids|jobs|keys|labels|lessons|lines|listings|matches|models|negatives|"
    "non-matches|opinions|pairs|people|products|queries|questions|records|replies|rows|settings|sources|steps|"
    "titles|tokens|triplets|vectors|verdicts|videos"
)
#: What follows a count: a noun in the plural, with a word or two before it, or a verb that goes with several.
_PLURAL = re.compile(rf" (?:(?!of\b|by\b|in\b|on\b|for\b|and\b|with\b)[\w-]+ ){{0,2}}?(?:{_NOUNS}|are|were|have)\b")


def test_no_count_stands_before_a_bare_plural() -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:140]}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        for value, text in zip(node.values, node.values[1:], strict=False)
        if isinstance(value, ast.FormattedValue)
        and _is_count(value)
        and isinstance(text, ast.Constant)
        and _PLURAL.match(str(text.value))
    ]
    assert faults == []


def _is_count(value: ast.FormattedValue) -> bool:
    """A number with thousands separators, or a length; a limit in capitals is never one."""
    text = ast.unparse(value.value)
    if text.split(".")[-1].isupper():
        return False
    spec = value.format_spec
    return (spec is not None and "," in ast.unparse(spec)) or text.startswith("len(")
