"""`samesku monitor`."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.catalog.demo import generated_catalogue
from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Judgement, ShownScores, Stream, Verb
from labels.store import LabelStore
from tests.core.cli.conftest import Call

CATALOGUE = generated_catalogue("monitor")
#: One category, so that there are enough queries of it to compare.
QUERIES = [replace(query, category="Everything") for query in CATALOGUE.queries]
DEARER = 10


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Products with candidates and probabilities."""
    made = Workspace(tmp_path / "home").create()
    deliver(made, QUERIES)
    with LabelStore(made.labels):
        pass
    return made


def deliver(
    workspace: Workspace, queries: list[Product], probability: Callable[[int], float] = lambda n: n % 10 / 10
) -> None:
    """Replace the catalogue and its candidates, as an import and an index run do."""
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", queries, prune=True)
        catalog.replace("amazon", "catalog", CATALOGUE.products)
    candidates = CandidateStore(workspace.derived)
    listed = [(query.ref, [Candidate(CATALOGUE.products[n].ref, 1, 0.5, 0.5, 1, 1)]) for n, query in enumerate(queries)]
    candidates.replace(listed, model="encoder", fingerprint="by hand")
    scored = ((query, found[0].ref, probability(n)) for n, (query, found) in enumerate(listed))
    candidates.score(scored, MatcherSummary(0.5, 0.8, 0.2, 40, 20))
    candidates.close()


def dearer(query: Product) -> Product:
    return replace(query, price=None if query.price is None else query.price * DEARER)


def test_the_first_run_is_the_reference_and_a_shift_is_pointed_at(workspace: Workspace, call: Call) -> None:
    home = ("--home", workspace.home)
    first = call(*home, "monitor", "--check")
    assert first.code == 0
    assert "The present state is the reference" in first.out
    again = call(*home, "monitor", "--check")
    assert (again.code, "Nothing has moved" in again.out) == (0, True)

    deliver(workspace, [dearer(query) for query in QUERIES])
    moved = call(*home, "monitor", "--check")
    assert moved.code == 3
    assert "Look here" in moved.out
    answer = call(*home, "--json", "monitor").json
    assert [(each["source"], each["category"], each["measure"]) for each in answer["shifts"]] == [
        ("walmart", "Everything", "price")
    ]
    # One snapshot a day.
    assert len(json.loads(workspace.monitoring.read_text())["days"]) == 1

    accepted = call(*home, "monitor", "--accept", "--check")
    assert accepted.code == 0
    assert "Nothing has moved" in call(*home, "monitor", "--check").out


def test_queries_of_what_has_moved_are_drawn_for_audit(workspace: Workspace, call: Call) -> None:
    home = ("--home", workspace.home)
    call(*home, "monitor")
    nothing = call(*home, "monitor", "--audit", "5")
    assert (nothing.code, "nothing is drawn" in nothing.out) == (0, True)
    odd = [replace(query, category="Odd") if n % 2 else dearer(query) for n, query in enumerate(QUERIES)]
    deliver(workspace, odd)
    drawn = call(*home, "--json", "monitor", "--audit", "20").json
    assert drawn["drawn"] >= 20
    with LabelStore(workspace.labels) as store:
        queries = store.audit_queries()
    categories = {query.ref: query.category for query in odd}
    named = {each["category"] for each in drawn["shifts"] if each["measure"] != "category"}
    assert named == {"Everything"}
    # The mix of categories has moved as well, so that queries of the whole source are looked at.
    assert {categories[query] for query in queries} == {"Everything", "Odd"}


def test_probabilities_that_fall_are_pointed_at(workspace: Workspace, call: Call, tmp_path: Path) -> None:
    home = ("--home", workspace.home)
    call(*home, "monitor")
    deliver(workspace, QUERIES, lambda n: n % 10 / 40)
    target = tmp_path / "samesku.prom"
    answer = call(*home, "--json", "monitor", "--prometheus", target).json
    assert {each["measure"] for each in answer["shifts"]} == {"probability", "band"}
    assert 'samesku_shift_psi{source="walmart",category="Everything",measure="band"}' in target.read_text()
    for place in (target / "x.prom", tmp_path / "none" / "x.prom", workspace.labels, workspace.monitoring):
        before = workspace.labels.read_bytes(), workspace.monitoring.read_bytes()
        unwritable = call(*home, "monitor", "--prometheus", place)
        assert (unwritable.code, "Traceback" in unwritable.err) == (1, False)
        assert (workspace.labels.read_bytes(), workspace.monitoring.read_bytes()) == before
    assert not (tmp_path / "none").exists()


def test_prices_that_are_missing_and_listings_that_left_are_pointed_at(workspace: Workspace, call: Call) -> None:
    home = ("--home", workspace.home)
    call(*home, "monitor")
    deliver(workspace, [replace(query, price=None) for query in QUERIES])
    shifts = call(*home, "--json", "monitor").json["shifts"]
    assert [(each["source"], each["measure"], each["after"]) for each in shifts] == [("walmart", "has_price", 0.0)]
    deliver(workspace, QUERIES[:100])
    shifts = call(*home, "--json", "monitor").json["shifts"]
    assert [(each["source"], each["measure"], each["after"]) for each in shifts] == [("walmart", "listings", 100.0)]


def test_queries_unlike_those_of_the_validation_set_are_pointed_at(workspace: Workspace, call: Call) -> None:
    home = ("--home", workspace.home)
    few = call(*home, "monitor", "--against", "validation")
    assert (few.code, "must be 50 or more" in few.err, workspace.monitoring.exists()) == (1, True, False)
    drawn = {query.ref for n, query in enumerate(QUERIES) if n % 3 == 0}
    with LabelStore(workspace.labels) as store:
        store.draw_validation(sorted(drawn), seed=1)
    alike = call(*home, "monitor", "--against", "validation", "--check")
    assert (alike.code, "Nothing has moved against the validation set" in alike.out) == (0, True)
    refused = call(*home, "monitor", "--against", "validation", "--accept")
    assert refused.code == 2

    # What has come since the draw costs more, and has less likely candidates. That the validation set is smaller says
    # nothing.
    deliver(
        workspace, [each if each.ref in drawn else dearer(each) for each in QUERIES], lambda n: 0.1 if n % 3 else 0.9
    )
    answer = call(*home, "--json", "monitor", "--against", "validation").json
    assert answer["against"] == "validation"
    assert {each["measure"] for each in answer["shifts"]} == {"price", "probability", "band"}
    history = json.loads(workspace.monitoring.read_text())
    assert history["findings"]["since"] == "validation"
    assert len(history["findings"]["shifts"]) == 3


def test_answers_and_audited_precision_are_told_by_category(workspace: Workspace, call: Call) -> None:
    deliver(workspace, [replace(query, category=("Odd" if n % 2 else "Even")) for n, query in enumerate(QUERIES)])
    with LabelStore(workspace.labels) as store:
        for n, decision in ((0, Decision.MATCH), (2, Decision.NO_MATCH), (4, Decision.MATCH), (1, Decision.NO_MATCH)):
            shown = ShownScores(1, 0.5, 0.9 if decision is Decision.MATCH or n == 2 else 0.1, "encoder")
            judged = Judgement(CATALOGUE.products[n].ref, decision, shown=shown)
            verb = Verb.ACCEPT if decision is Decision.MATCH else Verb.REJECT
            details = ActionDetails(stream=Stream.AUDIT, closes=True)
            store.record("ann", verb, QUERIES[n].ref, [judged], details)
    answer = call("--home", workspace.home, "--json", "monitor").json
    groups = {each["category"]: each for each in answer["snapshot"]["groups"] if each["source"] == "walmart"}
    assert groups["Even"]["audited"] == {"high": [3, 2]}
    assert groups["Odd"]["audited"] == {"low": [1, 1]}
    assert [groups[name]["answers"] for name in ("Even", "Odd")] == [3, 1]
    assert answer["snapshot"]["answers"] == 4
    assert answer["snapshot"]["precision"]["high"][0] == pytest.approx(2 / 3)
    told = call("--home", workspace.home, "monitor").out
    assert re.search(r"Even .*2 of 3 .*–.* 3\b", told)
    assert re.search(r"Odd .*–.*1 of 1 .* 1\b", told)


def test_a_damaged_history_is_set_aside_and_a_newer_one_is_left_alone(workspace: Workspace, call: Call) -> None:
    home = ("--home", workspace.home)
    call(*home, "monitor")
    sound = workspace.monitoring.read_text()
    damages = [
        '{"days": [1', "{}", sound.replace('"listings": 375', '"listings": -1'),
        re.sub(r'"day": "[0-9-]+"', '"day": "yesterday"', sound), sound.replace('"high": ', '"odd": '),
    ]  # fmt: skip
    for damaged in damages:
        assert damaged != sound
        workspace.monitoring.write_text(damaged)
        said = call(*home, "monitor", "--check")
        # The present state is the reference now, which must not pass for a look at what has moved.
        assert said.code == 3, damaged[:80]
        assert "monitoring.json is damaged" in said.err
    assert list(workspace.home.glob("monitoring.json.damaged-*"))
    newer = workspace.monitoring.read_text().replace('"version": 1', '"version": 2')
    workspace.monitoring.write_text(newer)
    refused = call(*home, "monitor")
    assert (refused.code, "newer version" in refused.err) == (1, True)
    assert workspace.monitoring.read_text() == newer


def test_a_folder_in_the_place_of_the_history_is_left_alone(workspace: Workspace, call: Call) -> None:
    workspace.monitoring.mkdir()
    refused = call("--home", workspace.home, "monitor")
    assert (refused.code, "monitoring.json is no file" in refused.err) == (1, True)
    assert "Move it away" in refused.err
    assert workspace.monitoring.is_dir()


def test_only_leads_change_the_reference(workspace: Workspace, call: Call) -> None:
    workspace.settings.write_text('[people]\nleads = ["lea"]\n')
    refused = call("--home", workspace.home, "--as", "ann", "monitor", "--accept")
    assert (refused.code, "Only leads change the reference" in refused.err) == (1, True)
    assert not workspace.monitoring.exists()
    assert call("--home", workspace.home, "--as", "ann", "monitor").code == 0


def test_without_candidates_the_way_out_is_an_index_run(tmp_path: Path, call: Call) -> None:
    made = Workspace(tmp_path / "home").create()
    with CatalogStore(made.catalog) as catalog:
        catalog.replace("walmart", "query", QUERIES)
    said = call("--home", made.home, "monitor")
    assert (said.code, "samesku index" in said.err) == (1, True)
    assert not made.monitoring.exists()
