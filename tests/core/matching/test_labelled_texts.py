"""The texts of labelled listings, and the known ones that are most like another text."""

import numpy as np
import pytest
from labelled_listings import CAMERA, CAMERA_DE, CAMERA_FR, LENS, SHOE, labelled, offers
from numpy.testing import assert_array_equal

from core.matching import labelled_texts
from core.matching.labelled_texts import LabelledTexts, PairTexts


def similarities(known: LabelledTexts, query: str, candidate: str) -> list[float]:
    """The highest cosines to known matches of query and candidate, then to known non-matches; NaN without any."""
    return [max(near.cosine, default=np.nan) for near in known.nearest(PairTexts([query], [candidate]))]


def test_a_candidate_is_compared_with_the_known_matches_of_the_query() -> None:
    known = labelled((CAMERA, CAMERA_DE, True), (LENS, SHOE, False))
    near, far = (similarities(known, CAMERA, text)[0] for text in ("Nikon D90 Kamera neu", SHOE))
    assert 0.7 < near < 1
    assert far == pytest.approx(0, abs=0.1)
    assert np.isnan(similarities(known, CAMERA, "Nikon D90 Kamera neu")[1:]).all()


def test_matches_connect_listings_over_any_number_of_steps() -> None:
    known = labelled((CAMERA, CAMERA_DE, True), (CAMERA_FR, CAMERA_DE, True))
    assert similarities(known, CAMERA, CAMERA_FR)[:2] == pytest.approx([1, 1])
    assert similarities(known, CAMERA_FR, CAMERA)[:2] == pytest.approx([1, 1])


def test_a_non_match_separates_all_listings_of_both_groups() -> None:
    known = labelled((CAMERA, CAMERA_DE, True), (CAMERA_DE, LENS, False), (LENS, "50mm Objektiv", True))
    assert similarities(known, CAMERA, "50mm Objektiv")[2:] == pytest.approx([1, 1])


def test_a_listing_is_known_by_its_text_whatever_its_case_and_side() -> None:
    known = labelled((CAMERA, CAMERA_DE, True))
    assert similarities(known, CAMERA_DE.upper(), f"  {CAMERA.lower()} ")[:2] == pytest.approx([1, 1])


def test_pairs_without_labels_and_contradictory_labels_say_nothing() -> None:
    known = labelled((CAMERA, CAMERA_DE, True), (CAMERA_DE, CAMERA, False))
    assert np.isnan(similarities(known, SHOE, LENS)).all()
    assert np.isnan(similarities(known, CAMERA, CAMERA_DE)[2:]).all()
    for each in (known, LabelledTexts.of(PairTexts([], []), np.zeros(0, bool))):
        assert [len(near.pair) for near in each.nearest(PairTexts([], []))] == [0] * 4


def test_of_two_listings_with_one_text_other_labels_say_nothing() -> None:
    known = labelled((CAMERA, CAMERA_DE, True), (CAMERA, LENS, False))
    assert np.isnan(similarities(known, CAMERA, CAMERA.upper())).all()


def test_the_nearest_known_texts_are_found_best_first() -> None:
    known = labelled(*((CAMERA, f"Nikon D90 {'x' * i}", True) for i in range(20)))
    near = known.nearest(PairTexts([LENS, CAMERA], [CAMERA, "Nikon D90 xxxx"]))[0]
    assert set(near.pair.tolist()) == {1}
    assert len(near.cosine) == labelled_texts._NEAREST_MATCHES
    assert near.cosine.tolist() == sorted(near.cosine.tolist(), reverse=True)
    assert near.cosine[0] == pytest.approx(1)
    assert known.texts[near.known[0]] == "nikon d90 xxxx"
    assert known.texts.index(CAMERA.lower()) not in near.known


def test_a_large_group_is_compared_with_some_of_its_listings() -> None:
    known = labelled(*((f"offer {i}", f"offer {i + 1}", True) for i in range(300)))
    assert similarities(known, "offer 150", "offer 7")[0] == pytest.approx(1)
    assert known._members.nnz <= 64


def test_a_group_with_many_non_matches_is_compared_with_some_of_them() -> None:
    count = 3 * labelled_texts._MAX_NON_MATCHES
    known = labelled(
        ("case", "a case", True), *(("case", f"offer {i}", False) for i in range(count)), ("offer 1", "offer 2", True)
    )
    assert np.diff(known._non_matches.indptr).max() == labelled_texts._MAX_NON_MATCHES
    assert similarities(known, "a case", "offer 7")[2] == pytest.approx(1)


def test_comparison_in_blocks_is_that_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels, _, _ = offers(repeated=True)
    known = LabelledTexts.of(texts, labels)
    whole = known.nearest(texts)
    assert all(len(each.pair) for each in whole)
    monkeypatch.setattr(labelled_texts, "_BLOCK", 50)
    for each, expected in zip(known.nearest(texts), whole, strict=True):
        for found, wanted in zip(each, expected, strict=True):
            assert_array_equal(found, wanted)


def test_empty_texts_are_of_no_listing() -> None:
    known = labelled(("", CAMERA, True), (LENS, " ", True), (CAMERA, CAMERA_DE, True), ("", SHOE, False))
    assert set(known.texts) == {CAMERA.lower(), CAMERA_DE.lower()}
    for pair in (("", CAMERA_DE), (CAMERA, ""), ("", "")):
        assert np.isnan(similarities(known, *pair)).all()
    none = labelled(("", "", True), ("", "", False))
    assert np.isnan(similarities(none, "", CAMERA)).all()
