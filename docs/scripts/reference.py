"""The generated parts of the documentation: command line, settings, keys, recipes; and the files of the site.

    python -m docs.scripts.reference        # writes them into the pages; `make reference`

A page marks a part with `<!-- generated: NAME -->` and `<!-- end -->`, where NAME is `commands`, `settings`, `keys` or
`recipes`.
The text between the two is stored in the page, since pages are also read in the repository; a test keeps it current.

`<!-- include: FILE -->`, a path from the repository's root, stands before a link to the file and an `<!-- end -->`. A
reader of the repository follows the link. On the site, this MkDocs hook puts the file in its place.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.cli.app import make_app
from core.cli.verbs import load_all
from core.settings import Settings
from core.settings_info import descriptions
from core.training.recipes.keys import recipe_keys
from core.training.recipes.sources import recipe_values, shipped_recipes
from tui.command_line import doctor, review, web
from tui.key_bindings import GROUPS

ROOT = Path(__file__).parents[2]
_PART = re.compile(r"<!-- (generated|include): (\S+) -->\n(.*?)<!-- end -->", re.DOTALL)


def on_page_markdown(markdown: str, **_: object) -> str:
    """MkDocs' hook: the page's Markdown with the included files, and without the marks."""
    return _PART.sub(lambda part: part[3] if part[1] == "generated" else included(ROOT / part[2]), markdown)


def pages() -> dict[Path, str]:
    """The pages with a generated part, as they should be."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md"))}
    return {path: _PART.sub(_current, text) for path, text in texts.items() if "<!-- generated:" in text}


def _current(part: re.Match[str]) -> str:
    kind, name, text = part.groups()
    text = f"\n{_GENERATED[name]()}\n\n" if kind == "generated" else text
    return f"<!-- {kind}: {name} -->\n{text}<!-- end -->"


def included(path: Path) -> str:
    """A Markdown file of the repository without its title, its links to pages of the site made relative to `docs`."""
    _, _, body = path.read_text(encoding="utf-8").partition("\n")
    body = re.sub(r"\]\(docs/", "](", body)
    return re.sub(r"\[([^\]]+)\]\((?:\.\./)*(?:LICENSE|README\.md)\)", r"\1", body)


# -- command line ----------------------------------------------------------------------------------------------


def root_command() -> Any:
    """The whole command line as a click command."""
    return load_all(typer.main.get_command(make_app([review, web, doctor])))


def commands(command: Any = None, path: tuple[str, ...] = ("samesku",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its full name, in the order of the help; groups come before what is in them."""
    command = command or root_command()
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from commands(inner, (*path, name))


def command_reference() -> str:
    """Each verb: what it does, its usage, arguments, options and examples."""
    parts = []
    for path, command in commands():
        level = "##" if len(path) <= 2 else "###"
        title = "Global options" if len(path) == 1 else f"`{' '.join(path)}`"
        parts.append(f"{level} {title}\n\n{_help(command.help or '')}")
        if len(path) > 1 and not getattr(command, "commands", {}):
            parts.append(f"```text\n{_usage(path, command)}\n```")
        parts.append(_options(command))
        parts.append(_examples(command.help or ""))
    return "\n\n".join(part for part in parts if part)


def _help(text: str) -> str:
    """The description without its examples, a paragraph for each of its lines that ends a sentence."""
    text = inspect.cleandoc(text).split("Example:")[0].strip()
    return _escaped(re.sub(r"(?<=[.:?])\n(?=[.\-A-Z`])", "\n\n", text))


def _examples(text: str) -> str:
    examples = [" ".join(each.split()) for each in re.split(r"Examples?:", inspect.cleandoc(text))[1:]]
    return "```console\n" + "\n".join(f"$ {each}" for each in examples) + "\n```" if examples else ""


def _usage(path: tuple[str, ...], command: Any) -> str:
    arguments = [_name(each) for each in command.params if each.param_type_name == "argument"]
    required = [
        f"{each.opts[0]} {_value(each)}"
        for each in command.params
        if each.param_type_name == "option" and each.required
    ]
    return " ".join([*path, *arguments, *required, "[OPTIONS]"])


def _options(command: Any) -> str:
    rows = []
    for each in command.params:
        if getattr(each, "hidden", False) or each.name in {"help", "install_completion", "show_completion"}:
            continue
        if each.param_type_name == "argument":
            name = f"`{_name(each)}`"
        else:
            name = ", ".join(f"`{option}`" for option in (*each.opts, *each.secondary_opts))
            name += "" if each.is_flag else f" `{_value(each)}`"
        text = _escaped(getattr(each, "help", None) or "")
        text += " Required." if each.required else ""
        default = each.default
        if default not in (None, False, (), [], "") and not callable(default) and getattr(each, "show_default", True):
            text += f" Default: `{_default(default)}`."
        rows.append(f"| {name} | {text.strip()} |")
    return "| option | meaning |\n| --- | --- |\n" + "\n".join(rows) if rows else ""


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name).upper().strip("{}[]")


def _value(option: Any) -> str:
    """What an option's value is called: the name that it was given, `N` for a number, else the option's own name."""
    bounds = (getattr(option, "min", None), getattr(option, "max", None), option.default)
    number = any(isinstance(each, int | float) and not isinstance(each, bool) for each in bounds)
    return str(option.metavar or ("N" if number else option.name.strip("_").upper()))


def _default(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _escaped(text: str) -> str:
    """Text for a table's cell or a paragraph: no column ends, no HTML; code keeps its characters."""
    parts = re.split(r"(`+[^`]*`+)", text.replace("``", "`"))
    plain = (re.sub(r"([<>*_\[\]])", r"\\\1", part) if at % 2 == 0 else part for at, part in enumerate(parts))
    return "".join(plain).replace("|", "\\|")


# -- settings --------------------------------------------------------------------------------------------------


def settings_reference() -> str:
    """Each section of samesku.toml: its settings, their values, defaults and meanings."""
    parts = []
    for section, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            parts.append(f"## `[{section}]`\n\n{_prose(model.__doc__ or '')}")
            parts.append("| setting | value | default | meaning |\n| --- | --- | --- | --- |")
            told = descriptions(model)
            parts[-1] += "".join(
                f"\n| `{name}` | {_kind(each)} | {_written(each.get_default(call_default_factory=True))}"
                f" | {_prose(told.get(name, ''))} |"
                for name, each in model.model_fields.items()
            )
        else:
            parts.append(f"## `[{section}]`\n\n{_prose(descriptions(Settings).get(section, ''))}")
    return "\n\n".join(parts)


def _kind(field: FieldInfo) -> str:
    """What a setting may be: its choices, its range, or its type."""
    limits = {}
    annotation = next((each for each in get_args(field.annotation) if get_origin(each) is Annotated), None)
    for each in [
        *field.metadata,
        *(part for info in get_args(annotation)[1:] for part in getattr(info, "metadata", ())),
    ]:
        limits |= {name: getattr(each, name) for name in ("ge", "gt", "le", "lt") if hasattr(each, name)}
    if "ge" in limits and "le" in limits:
        bounds = f"{_number(limits['ge'])} to {_number(limits['le'])}"
    else:
        signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
        bounds = ", ".join(
            f"{sign}\N{NO-BREAK SPACE}{_number(limits[name])}" for name, sign in signs.items() if name in limits
        )
    return ", ".join(part for part in (_type(field.annotation), bounds) if part)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _type(annotation: object) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f'`"{value}"`' for value in inner)
    if origin is tuple:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return "table"
    if inner:  # Annotated
        return _type(inner[0])
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return " or ".join(f'`"{member.value}"`' for member in annotation)
    names = {bool: "`true` or `false`", int: "integer", float: "number", str: "text"}
    return names.get(annotation, "text")  # type: ignore[call-overload,no-any-return]  # any object may be looked up


def _written(value: object) -> str:
    """A default as samesku.toml would say it."""
    if value is None:
        return "from the recipe"
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, tuple):
        text = f"[{', '.join(_written(part).strip('`') for part in value)}]"
    elif isinstance(value, dict):
        text = "{}"
    elif isinstance(value, str):
        text = f'"{value}"'
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"`{text}`"


def _prose(text: str) -> str:
    return _escaped(" ".join(text.split()))


# -- keys ------------------------------------------------------------------------------------------------------


def key_reference() -> str:
    """The keys of the review screen by group, with the name by which `[keys]` moves each."""
    parts = []
    for group, acts in GROUPS:
        rows = "\n".join(
            f"| {' '.join(f'`{key}`' for key in act.shown.split())} | `{act.id}` | {_escaped(act.help)} |"
            for act in acts
        )
        parts.append(f"## {group}\n\n| keys | name in `[keys]` | what it does |\n| --- | --- | --- |\n{rows}")
    return "\n\n".join(parts)


# -- recipes ---------------------------------------------------------------------------------------------------


def recipe_reference() -> str:
    """The shipped recipes with the keys that they set, and all keys with their values, defaults and meanings."""
    shipped = "\n".join(
        f"| `{each.name}` | {_escaped(each.recipe.description)} | {_changes(each.name)} |" for each in shipped_recipes()
    )
    keys = "\n".join(
        f"| `{key.name}` | {_escaped(key.allowed)} | {_default_value(key.default)} | {_prose(key.help)} |"
        for key in recipe_keys()
    )
    return (
        f"## Shipped recipes\n\n| name | description | sets |\n| --- | --- | --- |\n{shipped}\n\n"
        f"## Keys\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n{keys}"
    )


def _changes(name: str) -> str:
    values = {key: value for key, value in recipe_values(name).items() if key != "description"}
    return ", ".join(f"`{key}: {json.dumps(value)}`".replace('"', "") for key, value in values.items())


def _default_value(value: object) -> str:
    text = json.dumps(list(value) if isinstance(value, tuple) else value).strip('"')
    return f"`{text}`" if text else ""


_GENERATED: dict[str, Callable[[], str]] = {
    "commands": command_reference,
    "settings": settings_reference,
    "keys": key_reference,
    "recipes": recipe_reference,
}


if __name__ == "__main__":
    for page, content in pages().items():
        page.write_text(content, encoding="utf-8")
