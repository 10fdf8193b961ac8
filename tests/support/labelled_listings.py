"""Labelled listings that several tests share: offers by their texts."""

import numpy as np

from core.matching.labelled_texts import LabelledTexts, PairTexts

CAMERA, CAMERA_DE, CAMERA_FR = "Nikon D90 camera", "Nikon D90 Kamera", "Nikon D90 appareil"
LENS, SHOE = "Nikon 50mm lens", "red running shoe"


def labelled(*pairs: tuple[str, str, bool]) -> LabelledTexts:
    queries, candidates, labels = zip(*pairs, strict=True)
    return LabelledTexts.of(PairTexts(queries, candidates), np.array(labels))


def offers(repeated: bool, count: int = 400) -> tuple[PairTexts, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of offers of products whose names tell nothing apart, their labels, scores and queries.

    If repeated, each product has five offers, which are paired in all ways; otherwise each offer is in one pair.
    """
    random = np.random.default_rng(5)
    names = random.integers(10**7, 10**8, (40, 5)) if repeated else random.integers(10**7, 10**8, (4 * count, 1))
    drawn = [random.integers(0, len(names), count), random.integers(0, len(names), count)]
    same = random.random(count) < 0.4
    drawn[1][same] = drawn[0][same]
    offer = random.integers(0, names.shape[1], (2, count))
    texts = PairTexts(
        *([f"offer {names[i, j]}" for i, j in zip(*side, strict=True)] for side in zip(drawn, offer, strict=True))
    )
    labels = drawn[0] == drawn[1]
    scores = np.where(labels, 0.5, -0.5) + random.normal(0, 1, count)
    queries = np.unique(np.array(texts.queries), return_inverse=True)[1]
    return texts, labels, scores, queries
