"""The key registry: every key of the desk, declared once; bindings, key bar, help and README are derived from it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Act:
    """An action and the keys that trigger it.

    Attributes:
        id: of the binding, by which `[keys]` in samesku.toml remaps it.
        keys: Textual's names of the default keys, separated by commas.
        shown: the keys as the screen writes them.
        action: Textual's action; empty where Textual itself binds the key.
        label: one or two words for the key bar; empty to leave it out there.
        help: one sentence.
        rank: importance in the key bar; where room is short, the highest number is dropped first.
        always: a key that keeps triggering it when it is remapped.
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
    Act("unsure", "u", "u", "unsure", "You cannot tell: go on; no model is trained on it.", "unsure", 2),
    Act("skip", "s", "s", "skip", "Skip the query; it comes back at the end.", "skip", 2),
    Act("undo", "z", "z", "undo", "Undo your last action; no limit, also on later days.", "undo", 2),
    Act("redo", "Z", "Z", "redo", "Redo the action that you undid last."),
)

_PICKS = tuple(
    Act(f"pick_{place}", str(place % 10), str(place % 10), f"pick({place - 1})", f"Go to candidate {place}.")
    for place in range(1, 11)
)

MOVE = (
    Act("next", "enter", "Enter", "next", "Go on to the next query, once this one is answered."),
    Act("down", "j,down", "j ↓", "move(1)", "Go to the next candidate.", always="down"),
    Act("up", "k,up", "k ↑", "move(-1)", "Go to the previous candidate.", always="up"),
    *_PICKS,
    Act("scroll_down", "J,pagedown", "J PgDn", "scroll_fields(1)", "Scroll the comparison down.", always="pagedown"),
    Act("scroll_up", "K,pageup", "K PgUp", "scroll_fields(-1)", "Scroll the comparison up.", always="pageup"),
)

BACK = Act("back", "escape", "Esc", "back", "From a query you looked up, back to the one you left.")

LOOK = (
    Act("search", "slash", "/", "search", "Search the whole catalogue for a match not listed.", "search", 3),
    Act("why", "w", "w", "why", "Explain the candidate's score: features for and against.", "why", 4),
    Act("guidelines", "g", "g", "guidelines", "Your team's guidelines on what counts as a match."),
    Act("history", "h", "h", "history", "Who decided what about this query, and when."),
    Act("past", "o", "o", "past", "Past work: find and revise decisions; flags, comments."),
    Act("trail", "t", "t", "trail", "Your actions, latest first, and the undo position."),
    BACK,
    Act("copy", "y", "y", "copy", "Copy the query and the candidate: ids and titles."),
    Act("judge", "v", "v", "judge", "Ask the judge for a verdict on the candidate."),
    Act("blind", "b", "b", "blind", "Hide scores, or show them again (blind)."),
)

NOTE = (
    Act("flag", "f", "f", "flag", "Flag the query for a second look, or unflag it.", "flag", 5),
    Act("comment", "c", "c", "comment", "Write a comment on the query.", "comment", 5),
)

DESK = (
    Act("palette", "ctrl+p", "ctrl+p", "", "Menu: retrain, evaluate, jobs, streams, export …", "menu", 2),
    Act("help", "question_mark", "?", "help", "Show these keys.", "keys", 1),
    Act("redraw", "ctrl+l", "ctrl+l", "app.redraw", "Repaint the screen after another program wrote on it."),
    Act("suspend", "ctrl+z", "ctrl+z", "app.suspend_process", "Suspend to the shell; fg returns to the desk."),
    Act("quit", "q,ctrl+q", "q ctrl+q", "app.quit", "Quit; every decision is saved already.", always="ctrl+q"),
)

#: The review screen's keys, grouped for the help.
GROUPS: tuple[tuple[str, tuple[Act, ...]], ...] = (
    ("Decide", DECIDE),
    ("Move", MOVE),
    ("Look closer", LOOK),
    ("Note", NOTE),
    ("Desk", DESK),
)

REVIEW = tuple(act for _, acts in GROUPS for act in acts)

#: Keys of the review screen while no query is left.
NOTHING_LEFT = (
    *(replace(act, label="refresh", rank=1) for act in REVIEW if act.id == "next"),
    *(act for act in REVIEW if act.id in {"undo", "palette", "help"}),
)

#: Keys of the review screen on a query that was looked up.
LOOKED_UP = (replace(BACK, label="back", rank=1), *(act for act in REVIEW if act is not BACK))

_TO_WORK = Act("to_work", "escape,q", "Esc", "leave", "Leave the practice and start working.", "to work", 1)

#: The review screen's keys that work on practice queries.
PRACTICE = (
    *DECIDE,
    *MOVE,
    *(act for act in REVIEW if act.id in {"guidelines", "help"}),
    _TO_WORK,
)

#: Keys after a practice query is answered.
PRACTISED = (
    *(replace(act, label="go on", rank=1) for act in MOVE if act.id == "next"),
    *(act for act in PRACTICE if act.id in {"undo", "help"}),
    _TO_WORK,
)

#: The dialog explains the review screen's keys; those that only show something work in it already.
WELCOME = (
    Act("begin", "enter", "Enter", "begin", "Press the highlighted button.", "choose", 1),
    *(act for act in REVIEW if act.id in {"guidelines", "help"}),
    _TO_WORK,
)


def bindings(acts: Iterable[Act], *, at_once: bool = False) -> list[BindingType]:
    """The actions as Textual bindings.

    Args:
        acts: the actions.
        at_once: whether they have priority, for actions that change which screen receives the next keys.
    """
    return [
        Binding(act.keys, act.action, act.label or act.help, show=False, tooltip=act.help, priority=at_once, id=act.id)
        for act in acts
        if act.action
    ]


def help_groups(current: Callable[[Act], Act]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The review screen's keys by group, as (keys, sentence); the ten digits are one line.

    Args:
        current: applies the keymap to an action.
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

#: For full pages: lists all their keys, also those for which the key bar has no room.
KEYS = Act("page_keys", "question_mark,f1", "?", "keys", "Show these keys.", "keys", 1)

#: For screens without a text field.
PAGE = (LEAVE, Act("leave_page", "q,question_mark", "q", "leave", "Back to the desk."))

PAGE_SCROLL = (
    Act("page_down", "j,down", "j ↓", "scroll_page(1)", "Scroll down.", "scroll", 2),
    Act("page_up", "k,up", "k ↑", "scroll_page(-1)", "Scroll up."),
    Act("page_on", "pagedown,space,J", "PgDn", "turn_page(1)", "Go a page down."),
    Act("page_back", "pageup,K", "PgUp", "turn_page(-1)", "Go a page up."),
)

#: The key that opens the guidelines also closes them.
GUIDELINES = (Act("leave_guidelines", "g", "g", "leave", "Back to the desk."),)

#: The key that opens the history also closes it.
HISTORY = (Act("leave_history", "h", "h", "leave", "Back to the desk."),)

#: For leads, on a query where others' decisions are hidden.
LOOK_AT_OTHERS = Act(
    "look_at_others", "o", "o", "look_at_others", "Show others' decisions; this is recorded.", "others", 1
)

SEARCH = (
    Act("found_down", "down", "↓", "move(1)", "Go to the next product.", "move", 2),
    Act("found_up", "up", "↑", "move(-1)", "Go to the previous product."),
    LEAVE,
)

_ROWS = (
    Act("row_down", "down", "↓", "move(1)", "Go to the next row.", "move", 2),
    Act("row_up", "up", "↑", "move(-1)", "Go to the previous row."),
    Act("rows_on", "pagedown", "PgDn", "turn_page(1)", "Go a page down."),
    Act("rows_back", "pageup", "PgUp", "turn_page(-1)", "Go a page up."),
)

PAST = (
    Act("open_row", "enter", "Enter", "open_row", "Open the highlighted query to revise it.", "open", 1),
    *_ROWS,
    Act("other_list", "tab", "Tab", "other_list", "Switch between the two lists.", "other list", 2),
    replace(KEYS, keys="f1", shown="F1"),  # a question mark goes to the text field
    LEAVE,
)

TRAIL = (
    Act("trail_undo", "z", "z", "turn(False)", "Undo.", "undo", 1),
    Act("trail_redo", "Z", "Z", "turn(True)", "Redo.", "redo", 1),
    Act("open_act", "enter", "Enter", "open_row", "Open the highlighted action's query.", "open", 2),
    *(replace(act, keys=act.keys + key) for act, key in zip(_ROWS, (",j", ",k", ",space,J", ",K"), strict=True)),
    Act("leave_trail", "t,q", "t q", "leave", "Back to the desk."),
    KEYS,
    LEAVE,
)

STREAMS = (
    Act("open_stream", "enter", "Enter", "open_row", "Go to the highlighted stream.", "go there", 1),
    Act("stream_down", "j,down", "j ↓", "move(1)", "Go to the next stream.", "move", 2),
    Act("stream_up", "k,up", "k ↑", "move(-1)", "Go to the previous stream."),
    Act("leave_streams", "q", "q", "leave", "Back to the desk."),
    KEYS,
    LEAVE,
)

JOBS = (
    Act("job_down", "j,down", "j ↓", "move(1)", "Go to the next job.", "move", 2),
    Act("job_up", "k,up", "k ↑", "move(-1)", "Go to the previous job."),
    Act("job_cancel", "x", "x", "cancel", "Cancel the highlighted job.", "cancel", 2),
    Act("job_resume", "r", "r", "resume", "Run the highlighted job again.", "run again", 3),
    Act("job_log", "l", "l", "log", "Show the highlighted job's log.", "log", 3),
    Act("job_filter", "f", "f", "filter", "Filter: all jobs, running ones, or one kind.", "filter", 4),
    Act("job_scroll_down", "J,pagedown", "J PgDn", "scroll_job(1)", "Scroll the job's details.", "scroll", 5),
    Act("job_scroll_up", "K,pageup", "K PgUp", "scroll_job(-1)", "Scroll the job's details up."),
    Act("leave_jobs", "q", "q", "leave", "Back to the desk."),
    KEYS,
    LEAVE,
)

RETRAIN = (
    Act("retrain_start", "enter", "Enter", "start", "Press the highlighted button.", "start", 1),
    Act("more_epochs", "up,k,plus", "↑ ↓", "epochs(1)", "More epochs.", "epochs", 2),
    Act("fewer_epochs", "down,j,minus", "↓", "epochs(-1)", "Fewer epochs."),
    Act("plan_down", "J,pagedown", "J PgDn", "scroll_page(1)", "Scroll the plan down.", "scroll", 3),
    Act("plan_up", "K,pageup", "K PgUp", "scroll_page(-1)", "Scroll the plan up."),
    Act("retrain_next", "right,l", "→", "app.focus_next", "Go to the next button."),
    Act("retrain_previous", "left,h", "←", "app.focus_previous", "Go to the previous button."),
    LEAVE,
)

BUTTONS = (
    Act("next_button", "right,down,l,j", "→", "app.focus_next", "Go to the next button."),
    Act("previous_button", "left,up,h,k", "←", "app.focus_previous", "Go to the previous button."),
)

STATISTICS = (
    Act("statistics_next", "tab,right,l", "Tab", "next_page(1)", "Go to the next page.", "next page", 2),
    Act("statistics_before", "shift+tab,left,h", "←", "next_page(-1)", "Go to the previous page."),
    *(Act(f"page_{n}", str(n), str(n), f"part({n - 1})", f"Go to page {n}.") for n in range(1, 4)),
    Act("statistics_down", "j,down", "j ↓", "move(1)", "Go to the next line.", "move", 3),
    Act("statistics_up", "k,up", "k ↑", "move(-1)", "Go to the previous line."),
    Act("statistics_scroll_down", "J,pagedown", "J PgDn", "scroll_page(1)", "Scroll down."),
    Act("statistics_scroll_up", "K,pageup", "K PgUp", "scroll_page(-1)", "Scroll up."),
    Act("implied", "i", "i", "implied", "Include or exclude implied non-matches.", "implied", 2),
    Act("leave_statistics", "q", "q", "leave", "Back to the desk."),
    KEYS,
    LEAVE,
)

EXPORT = (
    Act("export", "enter", "Enter", "export", "Write the file.", "write", 1),
    Act("export_down", "j,down", "j ↓", "move(1)", "Go to the next kind of file.", "kind", 3),
    Act("export_up", "k,up", "k ↑", "move(-1)", "Go to the previous kind."),
    Act("export_side", "s", "s", "side", "Write all labels, or those of one split."),
    Act("export_names", "p", "p", "names", "Write the annotators' names, or pseudonyms."),
    Act("export_comments", "m", "m", "comments", "Include the comments, or leave them out."),
    Act("export_field", "tab,shift+tab", "Tab", "field", "Go to the file name, or back.", "file name", 2),
)

IMPORT = (
    Act("import_go_on", "enter", "Enter", "go_on", "Preview the file, then import it.", "preview", 1),
    Act("import_next", "down,tab", "↑ ↓", "row(1)", "Go to the next row.", "row", 2),
    Act("import_before", "up,shift+tab", "↑", "row(-1)", "Go to the previous row."),
    Act("import_turn", "right,l,space", "← →", "turn(1)", "Choose the next value.", "choose", 2),
    Act("import_turn_back", "left,h", "←", "turn(-1)", "Choose the previous value."),
    Act("report_down", "pagedown", "PgDn", "scroll_page(1)", "Scroll the report down.", "scroll", 3),
    Act("report_up", "pageup", "PgUp", "scroll_page(-1)", "Scroll the report up."),
)

BACKUP = (
    Act("backup_restore", "enter", "Enter", "restore", "Restore the highlighted backup; for leads.", "restore", 2),
    Act("backup_make", "b", "b", "make", "Make a backup of the ledger.", "back up", 1),
    Act("backup_check", "v", "v", "check", "Verify the highlighted backup.", "verify it", 3),
    Act("backup_ledger", "l", "l", "ledger", "Verify the ledger.", "verify ledger", 3),
    Act("backup_down", "j,down", "j ↓", "move(1)", "Go to the next backup.", "move", 4),
    Act("backup_up", "k,up", "k ↑", "move(-1)", "Go to the previous backup."),
    Act("leave_backups", "q", "q", "leave", "Back to the desk."),
)

#: For pages with two sides: the first of their keys, and the last ones.
_TURN = Act("turn", "tab", "Tab", "turn", "Switch to the other side.", "other side", 1)
_LEAVE_SIDES = (Act("leave_sides", "q", "q", "leave", "Back to the desk."), KEYS, LEAVE)

MODELS = (
    _TURN,
    Act("model_down", "j,down", "j ↓", "move(1)", "Go to the next encoder, or down the queries.", "move", 3),
    Act("model_up", "k,up", "k ↑", "move(-1)", "Go to the previous encoder, or up the queries."),
    Act("model_page_down", "J,pagedown", "J PgDn", "page(1)", "Scroll a page down."),
    Act("model_page_up", "K,pageup", "K PgUp", "page(-1)", "Scroll a page up."),
    Act("model_filter", "f", "f", "filter", "Filter: queries that got worse, better, or stayed.", "worse/better", 2),
    Act("model_ranking", "r", "r", "ranking", "Count and list by another ranking.", "ranking", 3),
    Act("model_compare", "c", "c", "compare", "Compare these two encoders, as a job.", "compare", 2),
    Act("model_promote", "p", "p", "promote", "Make the highlighted encoder the champion; for leads.", "promote", 2),
    Act("model_rollback", "b", "b", "rollback", "Go back to the previous champion; for leads.", "roll back", 2),
    Act("model_export", "e", "e", "export", "Export the highlighted encoder, as a job.", "export", 3),
    *_LEAVE_SIDES,
)

EVALUATION = (
    _TURN,
    Act("figures_down", "j,down,J,pagedown", "j ↓", "scroll_lines(1)", "Scroll down.", "scroll", 3),
    Act("figures_up", "k,up,K,pageup", "k ↑", "scroll_lines(-1)", "Scroll up."),
    Act("evaluation_earlier", "h,left", "←", "other(1)", "Show an earlier evaluation.", "earlier", 2),
    Act("evaluation_later", "l,right", "→", "other(-1)", "Show a later evaluation.", "later", 2),
    Act("evaluate", "e", "e", "evaluate", "Evaluate the champion and the matcher, as a job.", "evaluate", 1),
    *_LEAVE_SIDES,
)

MONITOR = (
    _TURN,
    Act("monitor_down", "j,down,J,pagedown", "j ↓", "scroll_lines(1)", "Scroll down.", "scroll", 3),
    Act("monitor_up", "k,up,K,pageup", "k ↑", "scroll_lines(-1)", "Scroll up."),
    Act("monitor_run", "m", "m", "measure", "Compare the present state with the reference, as a job.", "measure", 1),
    *_LEAVE_SIDES,
)

CONFIRM = (
    Act("yes", "y", "y", "answer(True)", "Yes.", "yes", 1),
    Act("no", "n", "n", "answer(False)", "No.", "no", 1),
    *BUTTONS,
    LEAVE,
)

#: The keys of every screen except the review screen, in the groups in which they are bound together.
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
    MONITOR,
    CONFIRM,
)
