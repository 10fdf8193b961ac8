"""Reading hand-written YAML files, with limits on size and nesting, and without aliases, tags and duplicate keys."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from labels.exchange.files import settings_text, unreadable_message

#: Maximum file size: parsing a megabyte of YAML takes seconds.
_MAX_BYTES = 1 << 16
#: Maximum nesting of mappings and lists.
_MAX_DEPTH = 16
#: Scientific notation without a dot, such as 5e-4, which YAML 1.1 takes for text.
_EXPONENT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$")


class _RefusedError(ValueError):
    """Valid YAML that is not allowed here; the message continues a sentence."""


def read_yaml(path: Path, hint: str) -> dict[str, Any]:
    """Parse a YAML file that holds a mapping.

    Args:
        path: the file.
        hint: the hint of the errors.

    Raises:
        SettingsError: it cannot be read, is not valid YAML, or holds something else than a mapping.
    """
    try:
        text = settings_text(path, _MAX_BYTES)
    except OSError as error:
        raise SettingsError(*unreadable_message(path, error)) from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: it is not UTF-8 text.", hint) from error
    try:
        found = parse_yaml(text)
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}.", hint) from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path} cannot be read: it holds no keys, which are written as epochs: 4.", hint)
    return found


def parse_yaml(text: str) -> Any:
    """The value of a YAML document of plain mappings, lists and scalars.

    Aliases are refused, since a few lines of them expand to gigabytes, and so are tags, which name types to construct.

    Raises:
        ValueError: it is not valid YAML or uses one of these; the message continues a sentence.
    """
    import yaml

    loader = _loader()
    try:
        # Over the events first: they are produced in linear time, and nothing is constructed from them.
        _check_events(yaml.parse(text, loader))
        document = loader(text)
        try:
            return document.get_single_data()
        finally:
            document.dispose()
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"it is not valid YAML{where} ({problem or 'unreadable characters'})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except _RefusedError:
        raise
    except ValueError as error:  # a date or a number that does not exist
        raise ValueError(f"it is not valid YAML ({error})") from error


def _check_events(events: Any) -> None:
    import yaml

    depth = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _RefusedError(f"line {line} has an anchor or an alias (& or *), which are not allowed")
        if getattr(event, "tag", None):
            raise _RefusedError(f"line {line} has a tag (!), which is not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _RefusedError("it is nested too deeply")


@cache
def _loader() -> Any:
    """A SafeLoader that knows 5e-4 and refuses duplicate keys, of which PyYAML silently takes the last."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # untyped library
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            names: set[str] = set()
            for key, _ in node.value:
                if (name := str(key.value)) in names:
                    raise _RefusedError(f"line {key.start_mark.line + 1} has the key {name[:60]} for the second time")
                names.add(name)
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)
            return mapping

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))
    return Loader
