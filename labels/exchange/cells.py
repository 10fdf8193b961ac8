"""Cells that no spreadsheet takes for a formula, and back again."""

import re

# https://owasp.org/www-community/attacks/CSV_Injection: what a spreadsheet reads as the start of a formula.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def defused(cell: str) -> str:
    """The cell with an apostrophe before it where a spreadsheet would calculate it: `-5` becomes `'-5`.

    What begins with apostrophes already gets one more, so that `restored` gives back exactly what was there.
    """
    return "'" + cell if _FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """What stood there before `defused`; other cells as they are."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
