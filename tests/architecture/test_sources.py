"""What stands in the source files, and what must not."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for package in ("labels", "core", "tui") for path in (ROOT / package).rglob("*.py"))

#: Reading any of these runs whatever the file says.
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"torch.load", "torch.save", "np.load", "numpy.load", "eval", "exec"}


Trees = dict[Path, ast.Module]


@pytest.fixture(scope="module")
def trees() -> Trees:
    """The syntax tree of each source file; not of the module, which every process of the tests imports."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_there_are_sources_to_look_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == {"labels", "core", "tui"}


def test_every_module_says_what_it_is_for(trees: Trees) -> None:
    faults = []
    for path, tree in trees.items():
        docstring = ast.get_docstring(tree)
        if not docstring or not docstring.splitlines()[0].endswith((".", "?")):
            faults.append(name_of(path))
    assert faults == []


def test_no_module_reads_or_writes_pickles(trees: Trees) -> None:
    faults = []
    for path, tree in trees.items():
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        faults += [f"{name_of(path)}: {unsafe}" for unsafe in imported(tree) & UNSAFE_MODULES | calls & UNSAFE_CALLS]
    assert faults == []


def test_no_module_parses_python(trees: Trees) -> None:
    # Before Python 3.11.8, two threads that parse at once can fail with a SystemError (python/cpython#106905), and
    # Textual parses the actions of keys in the desk's main thread.
    assert [name_of(path) for path, tree in trees.items() if "ast" in imported(tree)] == []


#: What a keyword argument must be wherever a call has it.
REQUIRED = {"trust_remote_code": "False", "use_safetensors": "True", "safe_serialization": "True"}


def test_no_model_may_bring_its_own_code(trees: Trees) -> None:
    faults = [
        f"{name_of(path)}:{node.value.lineno}: {node.arg}={ast.unparse(node.value)}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in REQUIRED and ast.unparse(node.value) != REQUIRED[node.arg]
    ]
    assert faults == []


#: Where a file may be written other than by `atomic_write`: it appends, or its descriptor was opened safely.
WRITERS = {"labels/files.py", "core/jobs/events.py", "core/jobs/board.py"}


def test_files_are_written_by_one_function(trees: Trees) -> None:
    found = [
        (name_of(path), ast.unparse(node))
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and writes_a_file(node)
    ]
    assert [call for name, call in found if name not in WRITERS] == []
    assert {name for name, _ in found} <= WRITERS


def writes_a_file(call: ast.Call) -> bool:
    name = ast.unparse(call.func).rpartition(".")[2]
    if name in {"write_text", "write_bytes", "NamedTemporaryFile", "mkstemp"}:
        return True
    modes = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return name == "open" and any(set(mode) & set("wax+") and set(mode) <= set("wabxt+r") for mode in modes)


def test_no_file_is_a_drawer_for_everything() -> None:
    assert not {path.stem for path in SOURCES} & {"utils", "util", "helpers", "common", "misc"}
