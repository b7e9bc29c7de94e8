"""Pairs with lesions marked in both studies as training examples, in both directions."""

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from lesion_tracker.training.examples.appearance import Appearance
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.example import Example, example_from_pair
from lesion_tracker.training.examples.pair import ExampleLesion, ExamplePair
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.scenario import ScenarioSettings, search_crop, template_crop
from lesion_tracker.training.prepared.prepared_pair import PreparedPair


def draw_supervised_pair(
    pairs: Sequence[PreparedPair], errors: RegistrationErrors, settings: ScenarioSettings, rng: np.random.Generator
) -> ExamplePair:
    """Draw a marked lesion, the direction to track it in, and crops with random offsets.

    The click is shifted from the marked centre by up to a quarter of the radius (centre augmentation), and the expected
    point is the affine's, as measured when the pair was prepared; where registration failed, an error is drawn.
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


class SupervisedExamples(Dataset[Example]):
    """Examples of marked pairs, numbered from 0.

    Args:
        pairs: prepared ones; at least one.
        errors: of registration, for pairs that could not be registered.
        settings: of the crops.
        heat_map_n: of the network.
        place_sigma_mm: of the place's target.
        seed: of the run.
    """

    def __init__(
        self,
        pairs: Sequence[PreparedPair],
        errors: RegistrationErrors,
        settings: ScenarioSettings,
        heat_map_n: float,
        place_sigma_mm: float,
        seed: int,
    ) -> None:
        self.pairs = pairs
        self.errors = errors
        self.settings = settings
        self.heat_map_n = heat_map_n
        self.place_sigma_mm = place_sigma_mm
        self.seed = seed

    def __getitem__(self, number: int) -> Example:
        """Return example `number`."""
        rng = np.random.default_rng([self.seed, number, 2])
        pair = draw_supervised_pair(self.pairs, self.errors, self.settings, rng)
        return example_from_pair(pair, self.heat_map_n, self.place_sigma_mm)
