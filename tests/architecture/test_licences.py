"""Licences of the runtime dependencies: none is under the GPL or the AGPL."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
#: What a user may install; `dev` and `docs` are for contributors.
RUNTIME_EXTRAS = {"train", "offline", "llm", "judge", "report", "sweep", "web", "onnx", "serve"}
#: GPL and AGPL, not the LGPL, in SPDX expressions and in prose.
_COPYLEFT = re.compile(r"\bA?GPL|(?<!Lesser )(?<!Library )General Public License")


def runtime_packages() -> dict[str, PackageMetadata]:
    """The installed packages that samesku and its runtime extras require, directly or not."""
    found: dict[str, PackageMetadata] = {}
    # Read from the source: the metadata of an editable install are as old as the install.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = project["dependencies"] + [
        line for extra in RUNTIME_EXTRAS for line in project["optional-dependencies"][extra]
    ]
    queue = [(canonicalize_name(each.name), extra) for each in map(Requirement, own) for extra in ("", *each.extras)]
    seen = set(queue)
    while queue:
        name, extra = queue.pop()
        try:
            found[name] = metadata(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed here
        for required in map(Requirement, requires(name) or []):
            if required.marker is None or required.marker.evaluate({"extra": extra}):
                new = {(canonicalize_name(required.name), each) for each in ("", *required.extras)} - seen
                seen |= new
                queue += new
    return found


def stated_licences(package: PackageMetadata) -> Iterator[str]:
    """What a package says of its licence: the SPDX expression, else the classifiers, else the first line of the text.

    The rest of the text is not read: it may quote licences of other software, such as the GCC runtime's.
    """
    if expression := package.get("License-Expression"):
        yield expression
        return
    classifiers = [line for line in package.get_all("Classifier") or [] if line.startswith("License ::")]
    text = (package.get("License") or "").strip()
    yield from classifiers or [text.splitlines()[0] if text else ""]


def is_copyleft(licence: str) -> bool:
    """Whether every alternative of a licence (`A OR B`) is the GPL or the AGPL."""
    return all(_COPYLEFT.search(alternative) for alternative in licence.split(" OR "))


def test_no_runtime_dependency_is_under_the_gpl() -> None:
    faults = [
        f"{name}: {licence}"
        for name, package in sorted(runtime_packages().items())
        for licence in stated_licences(package)
        if is_copyleft(licence)
    ]
    assert faults == []


def test_every_runtime_dependency_states_a_licence() -> None:
    packages = runtime_packages()
    silent = [name for name, package in packages.items() if not any(stated_licences(package))]
    assert {"textual", "typer", "torch"} <= set(packages)
    assert silent == []


@pytest.mark.parametrize(
    ("licence", "copyleft"),
    [
        ("GPL-3.0-or-later", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("AGPL-3.0-only", True),
        ("MIT OR GPL-2.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)", False),
        ("Apache-2.0 WITH LLVM-exception", False),
    ],
)
def test_copyleft_is_told_from_other_licences(licence: str, copyleft: bool) -> None:
    assert is_copyleft(licence) is copyleft
