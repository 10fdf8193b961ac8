"""How long a retrain may take, from what this workspace has measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.jobs.course import Course
from core.settings import RetrainSettings
from core.train.recipe import ENCODINGS_A_TEXT, FEWEST_FOR_HALVES, texts


@dataclass(frozen=True, slots=True)
class Experience:
    """What is known of the time that a retrain takes here.

    Attributes:
        text_s: seconds to learn from a text once.
        fixed_s: seconds for all that does not depend on the matches: encoding, judging, the new index.
    """

    text_s: float
    fixed_s: float

    def seconds(self, settings: RetrainSettings, matches: int) -> float:
        """How long a run on so many matches may take, if its model is put in use; in seconds."""
        return self.fixed_s + self.text_s * _all_texts(settings, matches)


def experience_of_retrain(course: Course, result: dict[str, Any], recipe: RetrainSettings) -> Experience | None:
    """What an earlier retrain teaches; None where it says nothing of its training.

    Args:
        course: what it told on its way.
        result: what came out of it.
        recipe: the recipe that it is taken to have followed where it does not say so.
    """
    trained_s = sum(s for stage, s in zip(course.stages, course.seconds, strict=True) if stage.losses)
    learnt = _all_texts(_recipe_of(result, recipe), _number(result.get("triplets")))
    return Experience(trained_s / learnt, sum(course.seconds) - trained_s) if trained_s and learnt else None


def experience_of_encoding(pace: float, products: int, rest_s: float = 0.0) -> Experience:
    """What the pace of an index run lets one expect of a first retrain.

    Args:
        pace: texts a second.
        products: how many there are, queries included; a new model encodes them all anew.
        rest_s: seconds that the run took besides, as another one takes in the end.
    """
    return Experience(ENCODINGS_A_TEXT / pace, products / pace + rest_s)


def first_outline(
    pace: float, products: int, labelled: int, rest: Mapping[str, float], settings: RetrainSettings, matches: int
) -> list[tuple[str, float]]:
    """The stages of a first retrain whose model is put in use, and the seconds that an index run lets one expect.

    Args:
        pace: texts a second.
        products: how many there are, queries included.
        labelled: how many of them are in a labelled pair: the matcher gets cosines of their own.
        rest: seconds of the index run's other stages, by name.
        settings: the recipe.
        matches: what is learnt from.
    """
    training = ENCODINGS_A_TEXT / pace * texts(settings, matches)
    halves = [(f"train half {number} of 2", training / 2) for number in (1, 2)] if matches >= FEWEST_FOR_HALVES else []
    scored = ("score labelled pairs", labelled / pace)
    return [("train", training), ("encode", products / pace), *halves, scored, *rest.items()]


def _all_texts(settings: RetrainSettings, matches: int) -> int:
    """The texts of all trainings of a run. The matcher's two halves are trained on as many as the encoder."""
    return texts(settings, matches) * (2 if matches >= FEWEST_FOR_HALVES else 1)


def _recipe_of(result: dict[str, Any], otherwise: RetrainSettings) -> RetrainSettings:
    try:
        return RetrainSettings.model_validate(result["recipe"])
    except (KeyError, ValidationError):
        return otherwise


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
