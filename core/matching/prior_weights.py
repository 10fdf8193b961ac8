"""What each piece of evidence is expected to say: what `make prior` pulls the packaged weights towards.

What a shopkeeper would say of two listings (the same model number in both speaks for one product, 16 GB against 8 GB
against it) stands here as weights. The numbers are judgements in three sizes, not fitted to any catalogue: evidence is
scaled to its spread over the pairs at hand, so they hold wherever a feature means the same. The prior that comes out
(`core/match/prior.py`) is what fits to labels begin with, since fifty labels cannot teach seventy weights.
"""

import numpy as np
from numpy.typing import NDArray

_FAINT, _PLAIN, _STRONG = 0.15, 0.3, 0.45

#: Log-odds of a match per standard deviation of the feature. What is not named says nothing until labels teach it:
#: lengths and prices by themselves, and second views of what is named already.
EXPECTED: dict[str, float] = {
    # The same trade item number is one trade item; other numbers are also given to variants, packs and old stock.
    "gtin_equal": 3.0,
    "gtin_conflict": -0.7,
    # The texts are alike, and each finds itself in the other.
    "cosine": _PLAIN,
    "characters": _PLAIN,
    "words": _STRONG,
    "query_found": _PLAIN,
    "candidate_found": _FAINT,
    "query_title_found": _FAINT,
    "candidate_title_found": _FAINT,
    # A word that only one side has, the rarer the worse.
    "query_only": -_FAINT,
    "candidate_only": -_FAINT,
    "query_rarest": -_STRONG,
    "candidate_rarest": -_FAINT,
    # Numbers are sizes, counts and models: seldom decoration.
    "query_numbers_found": _FAINT,
    "candidate_numbers_found": _FAINT,
    "query_numbers_only": -_FAINT,
    "candidate_numbers_only": -_FAINT,
    # A model number is what a maker calls one product.
    "model_likeness": _PLAIN,
    "model_prefix": _FAINT,
    "model_contained": _STRONG,
    "query_model_contained": _STRONG,
    "candidate_model_contained": _FAINT,
    "codes_shared": _STRONG,
    "codes_likeness": _FAINT,
    "query_codes_only": -_PLAIN,
    "candidate_codes_only": -_FAINT,
    # What is stated on both sides agrees or does not.
    "quantities_equal": _FAINT,
    "quantities_conflicting": -_PLAIN,
    "storage": _FAINT,
    "pack": _FAINT,
    "colours": _FAINT,
    "kinds": _FAINT,
    "generations": _FAINT,
    "condition": -_FAINT,
    "compatible": -_FAINT,
    "brand": _FAINT,
    "price_distance": -_FAINT,
    # A better candidate for the query, or a better query for the candidate, speaks against this pair.
    "characters_lead": _STRONG,
    "characters_lead_back": _STRONG,
    "words_lead": _STRONG,
    "words_lead_back": _STRONG,
    "characters_place": -_FAINT,
    "characters_place_back": -_FAINT,
    "words_place": -_FAINT,
    "words_place_back": -_FAINT,
}
#: Centre and spread of features whose meaning does not depend on the catalogue. Unknown is 0, and at 3, the clip of
#: the linear learner, `gtin_equal` adds 9 to the log-odds and `gtin_conflict` takes 2.1, however rare they are.
FIXED_SCALE: dict[str, tuple[float, float]] = {"gtin_equal": (0.0, 1 / 3), "gtin_conflict": (0.0, 1 / 3)}
#: Of the log-odds at the middle of the evidence: most pairs that come up for review are none.
INTERCEPT = -4.0


def prior_weights(features: tuple[str, ...]) -> NDArray[np.float64]:
    """The expected weight of each feature, shape (features,); 0 for one that nothing is expected of."""
    return np.array([EXPECTED.get(name, 0.0) for name in features], float)
