"""Pairs with lesions marked in both studies as training examples, in both directions."""

from collections.abc import Sequence

import numpy as np

from lesion_tracker.training.examples.appearance import Appearance
from lesion_tracker.training.examples.crops import search_crop, template_crop
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.pair import ExampleLesion, ExamplePair
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.prepared.prepared_pair import PreparedPair


def draw_supervised_pair(
    pairs: Sequence[PreparedPair], errors: RegistrationErrors, settings: ScenarioSettings, rng: np.random.Generator
) -> ExamplePair:
    """Draw a marked lesion, the direction to track it in, and crops with random offsets.

    The click is shifted from the marked centre by up to a quarter of the radius (centre augmentation), and the expected
    point is the affine's, as measured when the pair was prepared; where registration failed, an error is drawn.

    Args:
        pairs: at least one; pairs with more lesions are drawn more often.
        errors: of registration, for pairs that could not be registered.
        settings: of the crops.
        rng: the only source of randomness.
    """
    counts = np.array([len(pair.lesions) for pair in pairs], dtype=np.float64)
    pair = pairs[rng.choice(len(pairs), p=counts / counts.sum())]
    lesion = pair.lesions[rng.integers(len(pair.lesions))]
    baseline, followup = pair.baseline, pair.followup
    if rng.random() < 0.5:
        baseline, followup, lesion = followup, baseline, lesion.reversed()
    grid, clicked = template_crop(lesion.baseline_mm, lesion.baseline_radius_mm, "pair", settings, rng)
    expected = lesion.expected_mm if lesion.expected_mm is not None else lesion.followup_mm + errors.draw(rng)
    return ExamplePair(
        Scan(baseline.volume, None, (), Appearance(), 0),
        Scan(followup.volume, None, (), Appearance(), 0),
        grid,
        search_crop(expected, lesion.followup_mm, settings, rng),
        (
            ExampleLesion(
                clicked_mm=clicked,
                radius_mm=lesion.baseline_radius_mm,
                followup_mm=lesion.followup_mm,
                followup_radius_mm=lesion.followup_radius_mm,
                expected_mm=expected,
                kind="pair",
                moved_mm=0.0,
            ),
        ),
    )
