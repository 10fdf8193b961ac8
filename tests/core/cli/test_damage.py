"""Whatever becomes of a file that can be made again: it is named and made again, or one sentence says how."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import TO_DATABASES, TO_FILES, copied, flip, sql
from samples import HashEncoder, match, no_match, q, vector, write_catalogue

from core.cli.app import make_app, run
from core.diagnostics import damages
from core.matching.run import out_of_fold_path, write_out_of_fold
from core.retrieval import manifest
from core.retrieval.encoder_files import EncoderModel
from core.workspace import Workspace
from labels.model import ActionDetails, Pair, Verb
from labels.quarantine import damaged_copies
from labels.store import LabelStore

Call = Callable[..., Any]

#: Each verb that reads what can be made again.
VERBS: dict[str, tuple[str, ...]] = {
    "match": ("match", "--out", "{out}/matches.csv"),
    "match query": ("match", "--query", "q1"),
    "match json": ("match", "--json"),
    "cluster": ("cluster", "--out", "{out}/listings.csv", "--golden", "{out}/products.jsonl"),
    "score": ("score", "{out}/pairs.csv", "--out", "{out}/scored.csv"),
    "evaluate": ("evaluate", "--matches", "{out}/known.csv"),
    "judge spent": ("judge", "spent"),
    "triplets": ("dataset", "triplets", "--out", "{out}/triplets.jsonl"),
    "agreement": ("labels", "agreement"),
    "index": ("index",),
}
#: What SQLite removes by itself.
HARMLESS = {"journal", "wal", "journal FIFO", "wal folder"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """An indexed workspace with a few labels."""
    workspace = write_catalogue(tmp_path_factory.mktemp("template") / "home")
    with LabelStore(workspace.labels) as store:
        for key in ("q1", "q2", "q3", "q4", "qv"):
            said = [*match(f"{key}-c1"), *no_match(f"{key}-c2", f"{key}-c3")]
            store.record("ada", Verb.ACCEPT, q(key), said, ActionDetails(closes=True))
    write_out_of_fold(out_of_fold_path(workspace, "hash"), {Pair(q("q1"), q("q1-c1")): 0.5})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.retrieval.corpus_vectors.Encoder", lambda *_, **__: HashEncoder())
        patch.setattr("core.retrieval.encoder_registry.find_base", lambda _: EncoderModel("hash", workspace.home))
        with pytest.raises(SystemExit) as end:
            run(make_app(), ["--home", str(workspace.home), "--quiet", "index"])
        assert not end.value.code
    return workspace


@pytest.fixture
def indexed(template: Workspace, tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    """A copy of it."""
    (tmp_path / "pairs.csv").write_text("ltable_id,rtable_id\nq1,q1-c1\nq2,x1\n")
    (tmp_path / "known.csv").write_text("query_id,candidate_id\nq1,q1-c1\nq2,q2-c1\n")
    assert not hash_encoder.asked
    return Workspace(copied(template.home, tmp_path / "home"))


def done(call: Call, workspace: Workspace, verb: str) -> Any:
    """What the verb answers."""
    out = workspace.home.parent
    return call("--home", workspace.home, *(part.format(out=out) for part in VERBS[verb]))


def unchanged(call: Call, workspace: Workspace) -> bool:
    """Whether an index run finds nothing to do."""
    again = call("--home", workspace.home, "index", "--json").json
    return (again["unchanged"], again["weighed"], again["fitted"]) == (True, False, False)


# -- derived.db ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("damage", ["half", "every tenth byte", "emptied", "FIFO", "other database", "views"])
def test_a_damaged_derived_db_stops_no_verb(indexed: Workspace, call: Call, damage: str, verb: str) -> None:
    TO_DATABASES[damage](indexed.derived)
    answer = done(call, indexed, verb)
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("damage", TO_DATABASES)
def test_what_match_writes_is_the_same_after_every_damage(indexed: Workspace, call: Call, damage: str) -> None:
    out = indexed.home.parent / "matches.csv"
    done(call, indexed, "match")
    before = sorted(out.read_text().splitlines())
    TO_DATABASES[damage](indexed.derived)
    answer = done(call, indexed, "match")
    assert (sorted(out.read_text().splitlines()), answer.code) == (before, 0)
    assert damage in HARMLESS or "Indexing again" in answer.err
    assert unchanged(call, indexed)
    assert damages(indexed) == []


@pytest.mark.parametrize("damage", [name for name in TO_DATABASES if name not in HARMLESS | {"emptied", "deleted"}])
def test_index_names_a_damaged_derived_db_and_sets_it_aside(indexed: Workspace, call: Call, damage: str) -> None:
    TO_DATABASES[damage](indexed.derived)
    answer = done(call, indexed, "index")
    assert answer.code == 0
    assert "derived.db" in answer.err
    assert "nothing had changed" not in answer.out
    assert unchanged(call, indexed)


@pytest.mark.parametrize("damage", [name for name in TO_DATABASES if name not in {"journal", "wal"}])
def test_the_doctor_names_it_and_the_command_and_touches_nothing(indexed: Workspace, call: Call, damage: str) -> None:
    TO_DATABASES[damage](indexed.derived)
    answer = call("--home", indexed.home, "doctor", "--json")
    (found,) = answer.json["damaged"]
    assert "derived.db" in found
    assert "samesku index" in found
    assert answer.code == 1
    assert damaged_copies(indexed.derived) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE candidates SET similarity = 'high' WHERE rank = 1",
        "UPDATE candidates SET similarity = x'00ff'",
        "UPDATE candidates SET similarity = 1e308 WHERE rank = 2",
        "UPDATE candidates SET similarity = 0.123 WHERE rank = 3",
        "UPDATE candidates SET score = 9e999 WHERE rank = 1",
        "UPDATE candidates SET probability = 7 WHERE rank = 1",
        "UPDATE candidates SET probability = 'likely'",
        "UPDATE candidates SET probability = 0.999 WHERE rank = 5",
        "UPDATE candidates SET probability = NULL",
        "UPDATE candidates SET rank = -rank",
        "UPDATE candidates SET dense_rank = 'first'",
        "UPDATE candidates SET candidate_id = 'nowhere' WHERE rank = 1",
        "UPDATE candidates SET query_id = x'ff' WHERE query_id = 'q1'",
        "UPDATE candidates SET query_id = CAST(x'ff' AS TEXT) WHERE query_id = 'q1'",
        "UPDATE candidates SET query_id = 'nobody' WHERE query_id = 'q1'",
        "DELETE FROM candidates WHERE rank > 5",
        "DELETE FROM candidates",
        "DELETE FROM runs",
        "UPDATE runs SET model = x'00'",
        "UPDATE runs SET fingerprint = 5",
        "DELETE FROM standing",
        "UPDATE standing SET threshold = 'x'",
        "UPDATE standing SET labels = -1",
        "UPDATE evidence SET vector = x'00'",
        "UPDATE evidence SET vector = 'text'",
        "UPDATE evidence SET vector = zeroblob(length(vector))",
        "UPDATE evidence SET candidate_id = candidate_id || 7",
        "DELETE FROM evidence",
        "DELETE FROM evidence_run",
        "UPDATE evidence_run SET features = '[1'",
        "UPDATE evidence_run SET features = '[]'",
        "UPDATE evidence_run SET fingerprint = 'x'",
        "UPDATE checksums SET value = x'00'",
        "DROP TABLE candidates",
        "DROP TABLE evidence_run",
        "ALTER TABLE candidates RENAME COLUMN similarity TO cosine",
    ],
)  # fmt: skip
def test_values_that_no_index_run_writes_are_made_again(indexed: Workspace, call: Call, statement: str) -> None:
    out = indexed.home.parent / "matches.csv"
    done(call, indexed, "match")
    before = sorted(out.read_text().splitlines())
    sql(indexed.derived, statement)
    for verb in ("match json", "index", "match"):
        answer = done(call, indexed, verb)
        assert answer.code == 0, answer.err
    assert sorted(out.read_text().splitlines()) == before
    assert unchanged(call, indexed)


def test_a_trigger_in_derived_db_does_not_act(indexed: Workspace, call: Call) -> None:
    sql(
        indexed.derived,
        "CREATE TRIGGER t AFTER INSERT ON candidates BEGIN DELETE FROM verdicts_1; DELETE FROM candidates; END",
    )
    assert done(call, indexed, "index").code == 0
    assert unchanged(call, indexed)


def test_few_damaged_copies_are_left(indexed: Workspace, call: Call) -> None:
    for _ in range(5):
        TO_DATABASES["text"](indexed.derived)
        assert done(call, indexed, "match").code == 0
    assert len(damaged_copies(indexed.derived)) == 3


def test_before_the_first_index_run_match_says_what_to_do(tmp_path: Path, call: Call) -> None:
    workspace = write_catalogue(tmp_path / "home")
    answer = call("--home", workspace.home, "match", "--json")
    assert answer.code == 1
    assert "There are no candidates yet." in answer.err
    assert "samesku index" in answer.err


# -- the files of an index -----------------------------------------------------------------------------------


def test_damage_that_an_index_run_does_not_see_is_made_good_by_whoever_reads_the_file(
    indexed: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "_MIN_LARGE", 0)
    file, listed = (indexed.index / "hash" / name for name in ("statistics.safetensors", "manifest.json"))
    written = file.stat().st_mtime_ns
    flip(file, file.stat().st_size // 2, 10**9)
    os.utime(file, ns=(0, written))
    os.utime(listed, ns=(0, written + 2 * 10**9))
    assert unchanged(call, indexed)
    assert [damage.hint for damage in damages(indexed)] == ["`samesku index --rebuild` rebuilds it."]
    (indexed.home.parent / "new.csv").write_text("id,title\nz1,a drill\n")
    options = "--input", indexed.home.parent / "new.csv", "--source", "walmart", "--out", indexed.home.parent / "o.csv"
    assert call("--home", indexed.home, "match", *options).code == 0
    assert damages(indexed) == []


@pytest.mark.parametrize("damage", [name for name in TO_DATABASES if name not in HARMLESS])
def test_damaged_vectors_are_encoded_again(
    indexed: Workspace, call: Call, hash_encoder: HashEncoder, damage: str
) -> None:
    path = next((indexed.index / "hash").glob("vectors-*.db"))
    TO_DATABASES[damage](path)
    indexed.derived.unlink()
    assert done(call, indexed, "index").code == 0
    assert hash_encoder.asked
    assert unchanged(call, indexed)
    assert damages(indexed) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vectors SET vector = zeroblob(length(vector))",
        "UPDATE vectors SET vector = x'0000c07f'",
        "UPDATE vectors SET vector = x'00'",
        "UPDATE vectors SET vector = 'text'",
        "UPDATE vectors SET vector = vector || vector",
        "UPDATE vectors SET vector = (SELECT vector FROM vectors LIMIT 1)",
        "UPDATE vectors SET vector = zeroblob(length(vector)), crc = NULL",
        "UPDATE vectors SET crc = 'x'",
        "DELETE FROM vectors",
    ],
)
def test_a_poisoned_vector_does_not_live_on(indexed: Workspace, call: Call, statement: str) -> None:
    out = indexed.home.parent / "scored.csv"
    done(call, indexed, "score")
    before = out.read_text()
    sql(next((indexed.index / "hash").glob("vectors-*.db")), statement)
    assert done(call, indexed, "score").code == 0
    assert out.read_text() == before
    assert call("--home", indexed.home, "index", "--rebuild").code == 0
    assert damages(indexed) == []


def test_vectors_of_an_earlier_version_are_kept(indexed: Workspace, call: Call, hash_encoder: HashEncoder) -> None:
    path = next((indexed.index / "hash").glob("vectors-*.db"))
    sql(path, "ALTER TABLE vectors DROP COLUMN crc")
    assert damages(indexed) == []
    done(call, indexed, "score")
    assert hash_encoder.asked == []
    sql(path, "UPDATE vectors SET vector = zeroblob(length(vector))")
    done(call, indexed, "score")
    assert hash_encoder.asked


def test_a_vector_of_another_length_than_the_encoder_gives_is_made_again(indexed: Workspace, call: Call) -> None:
    path = next((indexed.index / "hash").glob("vectors-*.db"))
    half = (vector("x")[:8] / (vector("x")[:8] ** 2).sum() ** 0.5).tobytes().hex()
    sql(path, f"UPDATE vectors SET vector = x'{half}', crc = NULL")  # noqa: S608
    sql(path, "DELETE FROM vectors WHERE digest = (SELECT min(digest) FROM vectors)")
    assert done(call, indexed, "score").code == 0
    assert damages(indexed) == []


@pytest.mark.parametrize("name", ["products.faiss", "manifest.json", "."])
@pytest.mark.parametrize("damage", TO_FILES)
def test_a_damaged_file_of_the_index_is_not_nothing_changed(
    indexed: Workspace, call: Call, name: str, damage: str
) -> None:
    path = indexed.index / "hash" / name
    if path.is_dir():
        if damage in {"half", "first bytes", "every tenth byte", "emptied", "folder"}:
            pytest.skip("of files")
        path.rename(indexed.home / "moved away")
        path.write_bytes(b"a file")
    TO_FILES[damage](path)
    answer = done(call, indexed, "index")
    assert answer.code == 0, answer.err
    assert "nothing had changed" not in answer.out
    assert unchanged(call, indexed)
    assert damages(indexed) == []


def test_an_index_of_another_run_is_made_again(indexed: Workspace, call: Call) -> None:
    path = indexed.index / "hash" / "manifest.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "fingerprint": "another"}))
    assert not unchanged(call, indexed)
    assert unchanged(call, indexed)


@pytest.mark.parametrize("damage", TO_FILES)
def test_a_damaged_note_of_the_pace_stops_nothing(indexed: Workspace, call: Call, damage: str) -> None:
    path = indexed.index / "hash" / "pace.json"
    path.write_text('{"texts": 600, "seconds": 0.5}')
    TO_FILES[damage](path)
    assert done(call, indexed, "index").code == 0
    assert len(damages(indexed)) == (damage != "deleted")


# -- models --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", TO_FILES)
def test_a_damaged_matcher_is_fitted_again(indexed: Workspace, call: Call, damage: str) -> None:
    path = indexed.models / "matcher.json"
    before = path.read_text()
    TO_FILES[damage](path)
    for verb in ("score", "match query", "index"):
        assert done(call, indexed, verb).code == 0
    assert path.read_text() == before
    assert damages(indexed) == []


@pytest.mark.parametrize("damage", [name for name in TO_FILES if name != "deleted"])
def test_damaged_cosines_are_named_and_done_without(indexed: Workspace, call: Call, damage: str) -> None:
    path = out_of_fold_path(indexed, "hash")
    TO_FILES[damage](path)
    answer = done(call, indexed, "index")
    assert answer.code == 0, answer.err
    assert "unseen.json" in answer.err
    assert done(call, indexed, "index").err == ""


# -- reports -------------------------------------------------------------------------------------------------


def test_the_doctor_names_damaged_reports(indexed: Workspace, call: Call) -> None:
    indexed.reports.mkdir(exist_ok=True)
    names = ["evaluation-20260101-000000.json", "comparison-a-to-b.json", "judge-20260101-000000.json"]
    for name in names:
        (indexed.reports / name).write_text('{"at": 5')
    (indexed.models / "champion.json").write_text("[")
    found = call("--home", indexed.home, "doctor", "--json").json["damaged"]
    assert [each.partition(" ")[0] for each in found] == ["champion.json", *names]


# -- the catalogue -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["match query", "score", "triplets", "agreement", "index"])
@pytest.mark.parametrize("damage", ["half", "first bytes", "FIFO", "other database", "journal FIFO"])
def test_a_damaged_catalogue_is_one_sentence_with_the_way_out(
    indexed: Workspace, call: Call, damage: str, verb: str
) -> None:
    TO_DATABASES[damage](indexed.catalog)
    answer = done(call, indexed, verb)
    assert answer.code == 1
    assert "catalog" in answer.err
    assert "import" in answer.err
    assert "no label is lost" in answer.err
    assert damaged_copies(indexed.catalog) == []


@pytest.mark.parametrize("damage", ["deleted", "emptied", "dangling link"])
@pytest.mark.parametrize("verb", ["match query", "score", "index"])
def test_a_catalogue_that_is_gone_is_one_sentence_too(indexed: Workspace, call: Call, damage: str, verb: str) -> None:
    TO_DATABASES[damage](indexed.catalog)
    answer = done(call, indexed, verb)
    assert answer.code == 1 or verb == "match query"
    assert answer.code == 0 or "mport" in answer.err


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE products SET extra = '{'", "UPDATE products SET extra = '[]'",
        "UPDATE products SET extra = '{\"a\": 1}'",
        "UPDATE products SET title = x'00'", "UPDATE products SET title = CAST(x'ff' AS TEXT)",
        "UPDATE products SET price = 'cheap'", "UPDATE products SET price = 9e999", "DROP TABLE products",
    ],
)  # fmt: skip
def test_products_that_no_import_writes_are_one_sentence(indexed: Workspace, call: Call, statement: str) -> None:
    sql(indexed.catalog, "DROP TRIGGER products_changed", statement)
    # Without the trigger, a run that has nothing to do does not read the products.
    answer = call("--home", indexed.home, "index", "--rebuild")
    assert answer.code == 1
    assert "no label is lost" in answer.err


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM products_fts_data", "UPDATE products_fts_data SET block = x'00'", "DROP TABLE products_fts",
        "INSERT INTO products_fts (products_fts) VALUES ('delete-all')",
    ],
)  # fmt: skip
def test_index_makes_a_damaged_search_index_again(indexed: Workspace, call: Call, statement: str) -> None:
    from core.catalog.store import CatalogStore  # noqa: PLC0415

    sql(indexed.catalog, statement)
    assert "search index" in done(call, indexed, "index").err
    assert done(call, indexed, "index").err == ""
    with CatalogStore(indexed.catalog) as catalog:
        assert catalog.search("canon")


def test_bytes_flipped_anywhere_stop_nothing(indexed: Workspace, call: Call) -> None:
    for seed in range(6):
        flip(indexed.derived, 0, 10**9, seed=seed, share=0.0002)
        for verb in ("match json", "index", "match"):
            answer = done(call, indexed, verb)
            assert answer.code == 0, answer.err
    assert unchanged(call, indexed)
