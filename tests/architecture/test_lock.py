"""requirements.lock: every requirement of the project is pinned in it, to a version that the project accepts."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = {
    canonicalize_name(pin.name): pin
    for line in LOCK.splitlines()
    if line and not line.startswith("#")
    for pin in [Requirement(line)]
}


def required(extras: set[str]) -> dict[str, Requirement]:
    """The direct requirements of the project and some of its extras."""
    found: dict[str, Requirement] = {}
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        if name == "samesku":
            found |= required(requirement.extras)
        else:
            found[name] = requirement
    return found


def test_the_lock_pins_versions_that_the_project_accepts() -> None:
    faults = []
    for name, requirement in required({"all", "dev"}).items():
        pin = re.fullmatch(r"==(.+)", str(LOCKED[name].specifier)) if name in LOCKED else None
        if pin is None or not requirement.specifier.contains(pin[1], prereleases=True):
            faults.append(f"{requirement} is locked as {LOCKED.get(name)}")
    assert faults == [], "run `make lock`"


def test_the_lock_names_its_command_and_no_index() -> None:
    assert "make lock" in LOCK.partition("\n\n")[0].split("==")[0]
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links| @ ", LOCK)


def test_torch_is_the_release_with_a_cpu_wheel() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"\n{LOCKED['torch']}\n" in constraints
