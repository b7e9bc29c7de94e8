"""Renders a drawn benchmark pair: both scans, with their lesions, contrast phase, kernel, noise and table."""

import numpy as np

from benchmarks.constructed.bodies import Body, draw_bodies
from benchmarks.constructed.ct_look import add_ramp_noise, add_streaks, change_contrast
from benchmarks.constructed.hard_pair import HardPair, HardScenario
from benchmarks.constructed.hard_scenario import USUAL, Mix, draw_scenario
from benchmarks.constructed.image import apply_kernel, draw_table, without_table
from benchmarks.constructed.places import Places
from benchmarks.constructed.renderer import Renderer
from lesion_tracker.arrays import Hu
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import AIR_HU, Volume

STREAK_HU = 12.0


def hard_pair(volume: Volume, places: Places, seed: int, number: int, mix: Mix = USUAL) -> HardPair:
    """Construct one pair of the benchmark; the same study, seed and number always give the same pair.

    Args:
        volume: the study that the anatomy comes from.
        places: `find_places` of it.
        seed: of the whole benchmark.
        number: of the pair, from 0.
        mix: what it is made of.

    Raises:
        ValueError: if the study is too small.
    """
    return render(volume, draw_scenario(volume, places, number, np.random.default_rng([seed, number]), mix))


def render(volume: Volume, scenario: HardScenario) -> HardPair:
    """Render both scans of a scenario."""
    rng = np.random.default_rng(scenario.seed)
    return HardPair(_baseline(volume, scenario, rng), _followup(volume, scenario, rng), scenario)


def _baseline(volume: Volume, scenario: HardScenario, rng: np.random.Generator) -> Volume:
    placed = [(body, body.center_mm) for body in scenario.before]
    hu = draw_bodies(volume.hu, volume.grid, placed, None)
    hu = add_ramp_noise(hu, scenario.scanner.noise_hu[0], scenario.scanner.cutoff[0], rng)
    return _stored(hu, volume.grid)


def _followup(volume: Volume, scenario: HardScenario, rng: np.random.Generator) -> Volume:
    scanner, exact, grid = scenario.scanner, scenario.exact, scenario.grid
    source = without_table(volume) if scanner.table else np.asarray(volume.hu, dtype=np.float32)
    hu = Renderer(Volume(source, volume.grid), exact).render(grid, _slice_parts(volume.grid, grid))
    if scanner.vessels_hu or scanner.tissue_hu:
        hu = change_contrast(hu, scanner.vessels_hu, scanner.tissue_hu, rng)
    hu = draw_bodies(hu, grid, _placed(scenario.after, scenario), exact.baseline_from_followup)
    hu = apply_kernel(hu, scanner.kernel_mm / float(grid.spacing_mm[0]))
    if scanner.table:
        hu = draw_table(hu, grid, rng)
    hu = add_streaks(hu, scanner.streaks, STREAK_HU, rng)
    return _stored(add_ramp_noise(hu, scanner.noise_hu[1], scanner.cutoff[1], rng), grid)


def _placed(bodies: tuple[Body, ...], scenario: HardScenario) -> list[tuple[Body, np.ndarray]]:
    return [(body, scenario.exact.followup_from_baseline(body.center_mm[None])[0]) for body in bodies]


def _slice_parts(baseline: Grid, followup: Grid) -> int:
    thinnest = baseline.spacing_mm[np.argmax(np.abs(baseline.direction[2]))]
    return max(1, int(np.ceil(followup.spacing_mm[2] / thinnest - 1e-3)))


def _stored(hu: Hu, grid: Grid) -> Volume:
    return Volume(np.clip(np.rint(hu), AIR_HU, 3071).astype(np.int16), grid)
