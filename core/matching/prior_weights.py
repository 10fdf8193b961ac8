"""Expert prior weights of the features: the prior mean with which `make prior` fits the packaged weights.

They encode domain knowledge: the same model number in both listings supports a match, 16 GB against 8 GB speaks against
one. The weights are judgements in three sizes, not fitted to any catalogue. Features are standardised over the pairs at
hand, so the weights hold wherever a feature has the same meaning. The resulting prior (`core.matching.prior`) is where
fits to labels start, since fifty labels cannot determine seventy weights.
"""

import numpy as np
from numpy.typing import NDArray

from core.matching.features.differences import WORD_NUMBERS

_FAINT, _PLAIN, _STRONG = 0.15, 0.3, 0.45

#: Log-odds of a match per standard deviation of the feature. A feature that is absent has weight 0 until labels say
#: otherwise: lengths and prices by themselves, and second measures of a property that is here already.
PRIOR_WEIGHTS: dict[str, float] = {
    # Equal GTINs are one trade item; different ones are also given to variants, packs and old stock.
    "gtin_equal": 3.0,
    "gtin_conflict": -0.7,
    # Similar texts, each of which contains the other.
    "cosine": _PLAIN,
    "characters": _PLAIN,
    "words": _STRONG,
    "query_found": _PLAIN,
    "candidate_found": _FAINT,
    "query_title_found": _FAINT,
    "candidate_title_found": _FAINT,
    # Words of only one side, the rarer the worse.
    "query_only": -_FAINT,
    "candidate_only": -_FAINT,
    "query_rarest": -_STRONG,
    "candidate_rarest": -_FAINT,
    # Numbers are sizes, counts and models.
    "query_numbers_found": _FAINT,
    "candidate_numbers_found": _FAINT,
    "query_numbers_only": -_FAINT,
    "candidate_numbers_only": -_FAINT,
    # A model number identifies one product of a manufacturer.
    "model_likeness": _PLAIN,
    "model_prefix": _FAINT,
    "model_contained": _STRONG,
    "query_model_contained": _STRONG,
    "candidate_model_contained": _FAINT,
    "codes_shared": _STRONG,
    "codes_likeness": _FAINT,
    "query_codes_only": -_PLAIN,
    "candidate_codes_only": -_FAINT,
    # Words that each title lacks of the other: more telling than those that only one of them adds.
    "both_left": -_FAINT,
    "both_left_rarest": -_PLAIN,
    "both_variant": -_FAINT,
    "both_variant_share": -_FAINT,
    "left_codes_rarest": -_PLAIN,
    # Attributes stated on both sides.
    "quantities_equal": _FAINT,
    "quantities_conflicting": -_PLAIN,
    "storage": _FAINT,
    "pack": _FAINT,
    "colours": _FAINT,
    "audiences": _FAINT,
    "kinds": _FAINT,
    "generations": _FAINT,
    "condition": -_FAINT,
    "compatible": -_FAINT,
    "brand": _FAINT,
    "price_distance": -_FAINT,
    # A better candidate for the query, or a better query for the candidate.
    "characters_lead": _STRONG,
    "characters_lead_back": _STRONG,
    "words_lead": _STRONG,
    "words_lead_back": _STRONG,
    "characters_place": -_FAINT,
    "characters_place_back": -_FAINT,
    "words_place": -_FAINT,
    "words_place_back": -_FAINT,
}
#: Mean and standard deviation of features whose meaning does not depend on the catalogue. Unknown is 0, and at 3, where
#: the linear learner clips, `gtin_equal` adds 9 to the log-odds and `gtin_conflict` takes 2.1, however rare they are.
#: Numbers of words are names, not amounts: divided by a spread beyond them all, they count as 0.
FIXED_SCALE: dict[str, tuple[float, float]] = {
    "gtin_equal": (0.0, 1 / 3),
    "gtin_conflict": (0.0, 1 / 3),
    **dict.fromkeys(WORD_NUMBERS, (0.0, 1e30)),
}
#: Log-odds of a match at the mean of all features: most candidate pairs are no matches.
INTERCEPT = -4.0


def prior_weights(features: tuple[str, ...]) -> NDArray[np.float64]:
    """The prior weight of each feature, shape (features,)."""
    return np.array([PRIOR_WEIGHTS.get(name, 0.0) for name in features], float)
