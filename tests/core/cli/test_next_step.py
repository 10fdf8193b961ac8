"""The next command after an import and an index run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from samples import HashEncoder, match, no_match, q

from core.workspace import Workspace
from labels.model import ActionDetails, Stream, Verb
from labels.store import LabelStore

Call = Callable[..., Any]


def test_an_import_names_the_side_that_is_missing_then_the_index_run(tmp_path: Path, call: Call) -> None:
    file, home = tmp_path / "products.csv", ("--home", tmp_path / "home")
    file.write_text("id,title\n1,Wireless Mouse\n")
    first = call("import", "products", file, "--source", "walmart", "--role", "query", *home)
    assert "Next: samesku import products FILE --source NAME, with the products to search" in first.out
    both = call("import", "products", file, "--source", "amazon", *home)
    assert "Next: samesku index" in both.out
    assert "Next" not in call("import", "products", file, "--source", "amazon", "--dry-run", *home).out
    assert "Next" not in call("import", "products", file, "--source", "amazon", "--json", *home).out


def test_an_index_run_names_the_stream_to_answer(workspace: Workspace, hash_encoder: HashEncoder, call: Call) -> None:
    def following() -> str:
        answer = call("index", "--home", workspace.home)
        return next(line for line in answer.out.splitlines() if line.startswith("Next: "))

    def answer(query: str, stream: Stream) -> None:
        with LabelStore(workspace.labels) as store:
            judgements = [*match(f"{query}-c1"), *no_match(f"{query}-c2")]
            store.record("ada", Verb.ACCEPT, q(query), judgements, ActionDetails(stream=stream, closes=True))

    assert following() == "Next: samesku review --stream validation, 1 blind query to evaluate on; or samesku review"
    answer("qv", Stream.VALIDATION)
    assert following() == "Next: samesku review"
    answer("q1", Stream.TRIAGE)
    assert following() == "Next: samesku evaluate, or samesku match --out matches.csv"
