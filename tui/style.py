"""The few styles of the desk, all from the theme's colours.

No meaning rests on a colour alone: each of these stands beside a glyph, a word, or an underline.
"""

from core.match.bands import Band
from labels.model import Decision, Stream
from tui.diff import Mark

MUTED = "$foreground-muted"
STRONG = "bold"
KEY = "bold $text-accent"

GOOD = "$text-success"
BAD = "$text-error"
CAREFUL = "$text-warning"

BANDS = {Band.HIGH: GOOD, Band.MEDIUM: CAREFUL, Band.LOW: MUTED}

DECISIONS = {Decision.MATCH: f"bold {GOOD}", Decision.NO_MATCH: f"bold {BAD}", Decision.UNSURE: f"bold {CAREFUL}"}

#: Reverse and underline survive where there is no colour.
MARKS = {Mark.SAME: "", Mark.OWN: f"underline {CAREFUL}", Mark.STRONG: f"bold reverse {CAREFUL}"}

#: Each stream has a colour of its own, always with its name on it.
STREAM_STYLES = {
    Stream.TRIAGE: "bold $text-primary on $primary-muted",
    Stream.VALIDATION: "bold $text-warning on $warning-muted",
    Stream.AUDIT: "bold $text-success on $success-muted",
    Stream.ADJUDICATION: "bold $text-error on $error-muted",
}
