"""The paper's self-supervision: a study against its own augmented copy, with the centre carried along exactly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from monai.transforms.intensity.array import GaussianSmooth, RandGaussianNoise

from lesion_tracker.network.config import SPACING_MM, WINDOWS_HU
from lesion_tracker.training.examples.appearance import Appearance
from lesion_tracker.training.examples.augmentation import PROBABILITY, random_warp
from lesion_tracker.training.examples.crops import inside_crop, search_crop, template_crop
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.lesions import first_lesion, further_lesions
from lesion_tracker.training.examples.pair import ExampleLesion, ExamplePair, drawn_again
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.volumes.grid import Grid

NOISE_VARIANCE = 0.05
BLUR_VOXELS = (0.5, 1.5)

NOISE_HU = WINDOWS_HU[1][1] - WINDOWS_HU[1][0]
"""HU of one unit of normalised intensity: the soft-tissue window is [0, 1], so a variance of 0.05 is 89 HU.

The paper does not name its window; in that of all tissues the same variance would be 564 HU, and no organ is left.
"""


@dataclass(frozen=True, eq=False)
class AugmentedScan(Scan):
    """A warped scan with the paper's noise and blur.

    MONAI's spatial transforms resample an image, but give no map of points that could carry the true centre: the warp
    is this package's own. Noise and blur are MONAI's.

    Args:
        noise_hu: standard deviation.
        blur_voxels: standard deviation, the same along all axes.
    """

    noise_hu: float = 0.0
    blur_voxels: float = 0.0

    def _sample(self, grid: Grid) -> torch.Tensor:
        hu: Any = super()._sample(grid)[None]
        if self.noise_hu:
            noise = RandGaussianNoise(prob=1.0, std=self.noise_hu, sample_std=False)
            noise.set_random_state(seed=self.seed)
            hu = noise(hu)
        if self.blur_voxels:
            hu = GaussianSmooth(sigma=self.blur_voxels)(hu)
        return torch.as_tensor(hu)[0].float()


def draw_self_supervised_pair(
    studies: Sequence[PreparedStudy], errors: RegistrationErrors, settings: ScenarioSettings, rng: np.random.Generator
) -> ExamplePair:
    """Draw a study, a lesion and its augmentations; draws again where a warp folds or no lesion stays in the crop.

    Args:
        studies: the baseline is one of them, all as often.
        errors: of registration.
        settings: crops and the number of lesions; its implants and motions are not used.
        rng: the only source of randomness.

    Raises:
        ValueError: if 50 draws in a row fail.
    """
    return drawn_again("augmented", lambda: _draw_once(studies, errors, settings, rng))


def _draw_once(
    studies: Sequence[PreparedStudy], errors: RegistrationErrors, settings: ScenarioSettings, rng: np.random.Generator
) -> ExamplePair:
    study = studies[rng.integers(len(studies))]
    center, radius, kind = first_lesion(study, replace(settings, implant=0.0), rng)
    crop_mm = settings.template_voxels[0] * SPACING_MM[0]
    warp = random_warp(rng, center, crop_mm)
    followup = warp.inverse(center[None])[0]
    grid, clicked = template_crop(center, radius, kind, settings, rng)
    expected = followup + errors.draw(rng)
    first = ExampleLesion(clicked, radius, followup, radius * warp.scale, expected, kind, 0.0)
    search = search_crop(expected, followup, settings, rng)
    still = np.zeros(3)
    others = further_lesions(study, first, grid, search, warp, still, errors, settings, rng)
    noise = float(np.sqrt(rng.uniform(0, NOISE_VARIANCE))) * NOISE_HU if rng.random() < PROBABILITY else 0.0
    blur = float(rng.uniform(*BLUR_VOXELS)) if rng.random() < PROBABILITY else 0.0
    seed = int(rng.integers(0, 2**31))
    return ExamplePair(
        Scan(study.volume, None, (), Appearance(), 0),
        AugmentedScan(study.volume, warp, (), Appearance(), seed, noise, blur),
        grid,
        search,
        (first, *others) if inside_crop(search, followup) else tuple(others),
        signal_warp=warp,
    )
