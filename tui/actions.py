"""Every key of the desk, declared once: bindings, key bar, help and documentation come from here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a key does.

    Attributes:
        id: names the binding, so that a keymap can move it to other keys.
        keys: Textual's names of the keys, separated by commas.
        shown: the keys as a person writes them.
        action: Textual's action; empty where Textual itself binds the key.
        label: one or two words for the key bar; empty where it does not stand there.
        help: one sentence.
        rank: place in the key bar when there is not room for all; 1 is the last to go.
        always: a key that does it even where a keymap moves it elsewhere.
    """

    id: str
    keys: str
    shown: str
    action: str
    help: str
    label: str = ""
    rank: int = 9
    always: str = ""


DECIDE = (
    Act("accept", "a", "a", "accept", "The same product: accept the candidate and go on.", "match", 1),
    Act("accept_stay", "A", "A", "accept_stay", "Accept it and stay, for a query with several matches."),
    Act("reject", "x", "x", "reject", "Not the same: reject it, and move to the next.", "no match", 1),
    Act("none", "n", "n", "none_match", "None of these: reject what is on the screen and go on.", "none", 1),
    Act("unsure", "u", "u", "unsure", "You cannot tell: go on, and no model learns from it.", "unsure", 2),
    Act("skip", "s", "s", "skip", "Put the query off; it comes back at the end.", "skip", 2),
    Act("undo", "z", "z", "undo", "Take back your last act; no limit, on any later day.", "undo", 2),
    Act("redo", "Z", "Z", "redo", "Bring back what you took back last."),
)

_PICKS = tuple(
    Act(f"pick_{place}", str(place % 10), str(place % 10), f"pick({place - 1})", f"Go to candidate {place}.")
    for place in range(1, 11)
)

MOVE = (
    Act("next", "enter", "Enter", "next", "Go on to the next query, once this one is answered."),
    Act("down", "j,down", "j ↓", "move(1)", "Go to the next candidate.", always="down"),
    Act("up", "k,up", "k ↑", "move(-1)", "Go to the candidate before.", always="up"),
    *_PICKS,
    Act("scroll_down", "J,pagedown", "J PgDn", "scroll_fields(1)", "Scroll the comparison down.", always="pagedown"),
    Act("scroll_up", "K,pageup", "K PgUp", "scroll_fields(-1)", "Scroll the comparison up.", always="pageup"),
)

BACK = Act("back", "escape", "Esc", "back", "From a query you looked up, back to the one you left.")

LOOK = (
    Act("search", "slash", "/", "search", "Search the whole catalogue for a match not listed.", "search", 3),
    Act("why", "w", "w", "why", "Why the machine put the candidate where it is.", "why", 4),
    Act("guidelines", "g", "g", "guidelines", "What your team calls the same product."),
    Act("history", "h", "h", "history", "Who decided what about this query, and when."),
    Act("past", "o", "o", "past", "Past work, to find and decide anew; flags, comments."),
    Act("trail", "t", "t", "trail", "The trail of your acts, and where undo stands."),
    BACK,
    Act("copy", "y", "y", "copy", "Copy the query and the candidate: ids and titles."),
    Act("judge", "v", "v", "judge", "Ask the judge for a second opinion."),
    Act("blind", "b", "b", "blind", "Hide the machine's opinion, or show it again."),
)

NOTE = (
    Act("flag", "f", "f", "flag", "Flag the query for a second look, or unflag it.", "flag", 5),
    Act("comment", "c", "c", "comment", "Write a comment on the query.", "comment", 5),
)

DESK = (
    Act("palette", "ctrl+p", "ctrl+p", "", "Menu: retrain, evaluate, jobs, streams, export …", "menu", 2),
    Act("help", "question_mark", "?", "help", "Show these keys.", "keys", 1),
    Act("redraw", "ctrl+l", "ctrl+l", "app.redraw", "Paint anew, where something else wrote on the screen."),
    Act("suspend", "ctrl+z", "ctrl+z", "app.suspend_process", "To the shell for a while; fg there comes back."),
    Act("quit", "q,ctrl+q", "q ctrl+q", "app.quit", "Leave; everything you decided is saved already.", always="ctrl+q"),
)

#: The review screen's keys by what they are for.
GROUPS: tuple[tuple[str, tuple[Act, ...]], ...] = (
    ("Decide", DECIDE),
    ("Move", MOVE),
    ("Look closer", LOOK),
    ("Note", NOTE),
    ("Desk", DESK),
)

REVIEW = tuple(act for _, acts in GROUPS for act in acts)

#: What is of use while no query is left.
NOTHING_LEFT = (
    *(replace(act, label="look again", rank=1) for act in REVIEW if act.id == "next"),
    *(act for act in REVIEW if act.id in {"undo", "palette", "help"}),
)

#: While a query is on the screen that was looked up.
LOOKED_UP = (replace(BACK, label="back", rank=1), *(act for act in REVIEW if act is not BACK))

_TO_WORK = Act("to_work", "escape,q", "Esc", "leave", "Enough; start working.", "to work", 1)

#: The desk's own keys, as far as they are of use on practice queries.
PRACTICE = (
    *DECIDE,
    *MOVE,
    *(act for act in REVIEW if act.id in {"guidelines", "help"}),
    _TO_WORK,
)

#: Once a practice query is answered.
PRACTISED = (
    *(replace(act, label="go on", rank=1) for act in MOVE if act.id == "next"),
    *(act for act in PRACTICE if act.id in {"undo", "help"}),
    _TO_WORK,
)

WELCOME = (
    Act("begin", "enter", "Enter", "begin", "Do what the highlighted button says.", "choose", 1),
    _TO_WORK,
)


def bindings(acts: Iterable[Act], *, at_once: bool = False) -> list[BindingType]:
    """The acts as Textual wants them; `at_once` for those that decide where the keys typed after them go."""
    return [
        Binding(act.keys, act.action, act.label or act.help, show=False, tooltip=act.help, priority=at_once, id=act.id)
        for act in acts
        if act.action
    ]


def help_groups(current: Callable[[Act], Act]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The desk's keys by group: (keys, sentence); the ten digits are one line.

    Args:
        current: gives an act the keys that it has now.
    """
    picks = [current(act).shown for act in _PICKS]
    groups = []
    for name, acts in GROUPS:
        lines = [(current(act).shown, act.help) for act in acts if act not in _PICKS]
        if acts is MOVE:
            lines.insert(3, (f"{picks[0]} … {picks[8]} {picks[9]}", f"Go to that candidate; {picks[9]} is the tenth."))
        groups.append((name, lines))
    return groups


LEAVE = Act("leave", "escape", "Esc", "leave", "Back to the desk.", "back", 1)

#: For pages in the desk's place: all their keys, also those for which the bar has no room.
KEYS = Act("page_keys", "question_mark,f1", "?", "keys", "Show these keys.", "keys", 1)

#: For screens that hold no text field.
PAGE = (LEAVE, Act("leave_page", "q,question_mark", "q", "leave", "Back to the desk."))

PAGE_SCROLL = (
    Act("page_down", "j,down", "j ↓", "scroll_page(1)", "Scroll down.", "scroll", 2),
    Act("page_up", "k,up", "k ↑", "scroll_page(-1)", "Scroll up."),
    Act("page_on", "pagedown,space,J", "PgDn", "turn_page(1)", "Go a page down."),
    Act("page_back", "pageup,K", "PgUp", "turn_page(-1)", "Go a page up."),
)

#: The key that opened the guidelines closes them too.
GUIDELINES = (Act("leave_guidelines", "g", "g", "leave", "Back to the desk."),)

#: And so does the one that opened the history.
HISTORY = (Act("leave_history", "h", "h", "leave", "Back to the desk."),)

#: For leads, of a query that they are to decide on alone.
LOOK_AT_OTHERS = Act(
    "look_at_others", "o", "o", "look_at_others", "Show what others did; that is recorded.", "others", 1
)

SEARCH = (
    Act("found_down", "down", "↓", "move(1)", "Go to the next product.", "move", 2),
    Act("found_up", "up", "↑", "move(-1)", "Go to the product before."),
    LEAVE,
)

_ROWS = (
    Act("row_down", "down", "↓", "move(1)", "Go to the next row.", "move", 2),
    Act("row_up", "up", "↑", "move(-1)", "Go to the row before."),
    Act("rows_on", "pagedown", "PgDn", "turn_page(1)", "Go a page down."),
    Act("rows_back", "pageup", "PgUp", "turn_page(-1)", "Go a page up."),
)

PAST = (
    Act("open_row", "enter", "Enter", "open_row", "Show the highlighted query, to decide it anew.", "open", 1),
    *_ROWS,
    Act("other_list", "tab", "Tab", "other_list", "To the other list and back.", "other list", 2),
    replace(KEYS, keys="f1", shown="F1"),  # a question mark is for the field
    LEAVE,
)

TRAIL = (
    Act("trail_undo", "z", "z", "turn(False)", "Take back.", "take back", 1),
    Act("trail_redo", "Z", "Z", "turn(True)", "Bring back.", "bring back", 1),
    Act("open_act", "enter", "Enter", "open_row", "Show the highlighted act's query.", "open", 2),
    *(replace(act, keys=act.keys + key) for act, key in zip(_ROWS, (",j", ",k", ",space,J", ",K"), strict=True)),
    Act("leave_trail", "t,q", "t q", "leave", "Back to the desk."),
    KEYS,
    LEAVE,
)

STREAMS = (
    Act("open_stream", "enter", "Enter", "open_row", "Go to the highlighted stream.", "go there", 1),
    Act("stream_down", "j,down", "j ↓", "move(1)", "Go to the next stream.", "move", 2),
    Act("stream_up", "k,up", "k ↑", "move(-1)", "Go to the stream before."),
    Act("leave_streams", "q", "q", "leave", "Back to the desk."),
    KEYS,
    LEAVE,
)

JOBS = (
    Act("job_down", "j,down", "j ↓", "move(1)", "Go to the next job.", "move", 2),
    Act("job_up", "k,up", "k ↑", "move(-1)", "Go to the job before."),
    Act("job_cancel", "x", "x", "cancel", "End the highlighted job.", "end", 2),
    Act("job_resume", "r", "r", "resume", "Start the highlighted job's work again.", "again", 3),
    Act("job_log", "l", "l", "log", "Show what the highlighted job printed.", "log", 3),
    Act("job_filter", "f", "f", "filter", "Show all jobs, those that run, or those of one kind.", "filter", 4),
    Act("job_scroll_down", "J,pagedown", "J PgDn", "scroll_job(1)", "Scroll what is told of the job.", "scroll", 5),
    Act("job_scroll_up", "K,pageup", "K PgUp", "scroll_job(-1)", "Scroll what is told of the job up."),
    Act("leave_jobs", "q", "q", "leave", "Back to the desk."),
    KEYS,
    LEAVE,
)

RETRAIN = (
    Act("retrain_start", "enter", "Enter", "start", "Do what the highlighted button says.", "start", 1),
    Act("more_epochs", "up,k,plus", "↑ ↓", "epochs(1)", "More epochs.", "epochs", 2),
    Act("fewer_epochs", "down,j,minus", "↓", "epochs(-1)", "Fewer epochs."),
    Act("retrain_next", "right,l", "→", "app.focus_next", "Go to the next button."),
    Act("retrain_previous", "left,h", "←", "app.focus_previous", "Go to the button before."),
    LEAVE,
)

BUTTONS = (
    Act("next_button", "right,down,l,j", "→", "app.focus_next", "Go to the next button."),
    Act("previous_button", "left,up,h,k", "←", "app.focus_previous", "Go to the button before."),
)

STATISTICS = (
    Act("statistics_next", "tab,right,l", "Tab", "next_page(1)", "Go to the next page.", "next page", 2),
    Act("statistics_before", "shift+tab,left,h", "←", "next_page(-1)", "Go to the page before."),
    *(Act(f"page_{n}", str(n), str(n), f"part({n - 1})", f"Go to page {n}.") for n in range(1, 4)),
    Act("statistics_down", "j,down", "j ↓", "move(1)", "Go to the next line.", "move", 3),
    Act("statistics_up", "k,up", "k ↑", "move(-1)", "Go to the line before."),
    Act("statistics_scroll_down", "J,pagedown", "J PgDn", "scroll_page(1)", "Scroll down."),
    Act("statistics_scroll_up", "K,pageup", "K PgUp", "scroll_page(-1)", "Scroll up."),
    Act("implied", "i", "i", "implied", "Count what follows from accepting another, or not.", "implied", 2),
    Act("leave_statistics", "q", "q", "leave", "Back to the desk."),
    KEYS,
    LEAVE,
)

EXPORT = (
    Act("export", "enter", "Enter", "export", "Write the file.", "write", 1),
    Act("export_down", "j,down", "j ↓", "move(1)", "Go to the next kind of file.", "kind", 3),
    Act("export_up", "k,up", "k ↑", "move(-1)", "Go to the kind before."),
    Act("export_side", "s", "s", "side", "Write all labels, or those of one side."),
    Act("export_names", "p", "p", "names", "Write the annotators' names, or others in their place."),
    Act("export_comments", "m", "m", "comments", "Write what people wrote, or leave it out."),
    Act("export_field", "tab,shift+tab", "Tab", "field", "Go to the file's name, or back.", "file name", 2),
)

IMPORT = (
    Act("import_go_on", "enter", "Enter", "go_on", "Look at the file, then bring it in.", "look at it", 1),
    Act("import_next", "down,tab", "↑ ↓", "row(1)", "Go to the next row.", "row", 2),
    Act("import_before", "up,shift+tab", "↑", "row(-1)", "Go to the row before."),
    Act("import_turn", "right,l,space", "← →", "turn(1)", "Choose the next value.", "choose", 2),
    Act("import_turn_back", "left,h", "←", "turn(-1)", "Choose the value before."),
)

BACKUP = (
    Act("backup_restore", "enter", "Enter", "restore", "Go back to the highlighted backup; for leads.", "go back", 2),
    Act("backup_make", "b", "b", "make", "Make a backup of the ledger.", "back up", 1),
    Act("backup_check", "v", "v", "check", "Check all of the highlighted backup.", "check it", 3),
    Act("backup_ledger", "l", "l", "ledger", "Check all of the ledger.", "check the ledger", 3),
    Act("backup_down", "j,down", "j ↓", "move(1)", "Go to the next backup.", "move", 4),
    Act("backup_up", "k,up", "k ↑", "move(-1)", "Go to the backup before."),
    Act("leave_backups", "q", "q", "leave", "Back to the desk."),
)

#: For pages with two sides: the first of their keys, and the last.
_TURN = Act("turn", "tab", "Tab", "turn", "To the other side.", "other side", 1)
_LEAVE_SIDES = (Act("leave_sides", "q", "q", "leave", "Back to the desk."), KEYS, LEAVE)

MODELS = (
    _TURN,
    Act("model_down", "j,down", "j ↓", "move(1)", "Go to the next encoder, or down the queries.", "move", 3),
    Act("model_up", "k,up", "k ↑", "move(-1)", "Go to the encoder before, or up the queries."),
    Act("model_page_down", "J,pagedown", "J PgDn", "page(1)", "Scroll a page down."),
    Act("model_page_up", "K,pageup", "K PgUp", "page(-1)", "Scroll a page up."),
    Act("model_filter", "f", "f", "filter", "List only what got worse, better, or stayed.", "worse/better", 2),
    Act("model_ranking", "r", "r", "ranking", "Count and list by another ranking.", "ranking", 3),
    Act("model_compare", "c", "c", "compare", "Compare these two encoders, as a job.", "compare", 2),
    Act("model_promote", "p", "p", "promote", "Put the highlighted encoder in use; for leads.", "put in use", 2),
    Act("model_rollback", "b", "b", "rollback", "Go back to the encoder before; for leads.", "go back", 2),
    *_LEAVE_SIDES,
)

EVALUATION = (
    _TURN,
    Act("figures_down", "j,down,J,pagedown", "j ↓", "scroll_lines(1)", "Scroll down.", "scroll", 3),
    Act("figures_up", "k,up,K,pageup", "k ↑", "scroll_lines(-1)", "Scroll up."),
    Act("evaluation_earlier", "h,left", "←", "other(1)", "Show an earlier evaluation.", "earlier", 2),
    Act("evaluation_later", "l,right", "→", "other(-1)", "Show a later evaluation.", "later", 2),
    Act("evaluate", "e", "e", "evaluate", "Measure the encoder in use and the matcher, as a job.", "evaluate", 1),
    *_LEAVE_SIDES,
)

CONFIRM = (
    Act("yes", "y", "y", "answer(True)", "Yes.", "yes", 1),
    Act("no", "n", "n", "answer(False)", "No.", "no", 1),
    *BUTTONS,
    LEAVE,
)

#: The keys of each screen but the review screen, as they are bound together.
SCREENS: tuple[tuple[Act, ...], ...] = (
    PRACTICE,
    (*WELCOME, *BUTTONS),
    (*PAGE, *PAGE_SCROLL, *GUIDELINES),
    (*PAGE, *PAGE_SCROLL, *HISTORY, LOOK_AT_OTHERS),
    (LEAVE, *SEARCH),
    PAST,
    TRAIL,
    STREAMS,
    JOBS,
    (LEAVE, *RETRAIN),
    STATISTICS,
    (LEAVE, *EXPORT),
    (LEAVE, *IMPORT),
    (LEAVE, *BACKUP),
    MODELS,
    EVALUATION,
    CONFIRM,
)
