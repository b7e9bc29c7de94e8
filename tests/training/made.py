"""A made study with structure everywhere, small settings, and the folder of a small run."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.kinds import kinds_of
from lesion_tracker.training.examples.numbered import NumberedExamples
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.prepared.prepare import measure_structure
from lesion_tracker.training.prepared.prepared_pair import PairedLesion, PreparedPair
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.training.prepared.writer import PreparedWriter
from lesion_tracker.volumes.volume import Volume

NO_ERRORS = RegistrationErrors(np.zeros((0, 3)))
SCENARIO = ScenarioSettings(template_voxels=(64, 64, 24), search_voxels=((64, 64, 32),), lesions=3)
LESION_MM = np.array([40.0, 42.0, 38.0])
SHIFT_MM = np.array([4.0, 0.0, 2.0])

CONFIG = """
[data]
folder = "{folder}"
validation = ["held_out"]
[network]
blocks = [1, 1, 1]
growth = 8
stem = 8
bottleneck = 2
features = 8
global_kernel = [3, 5, 5]
[scenario]
template_voxels = [64, 64, 24]
search_voxels = [[64, 64, 32]]
lesions = 2
[optimiser]
steps = {steps}
warmup = 2
[run]
output = "{output}"
precision = "float32"
device = "cpu"
threads = 1
workers = {workers}
picture_every = 0
{run}
"""


def made_volume(seed: int, size: tuple[int, int, int] = (104, 104, 40)) -> Volume:
    """Make tissue in a body of waves and blobs, with air round it."""
    rng = np.random.default_rng(seed)
    grid = crop_grid(np.zeros(3), size)
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    x, y, z = 0.8 * i, 0.8 * j, 2.0 * k
    hu = np.full(grid.shape, 40.0)
    for _ in range(8):
        wave = rng.normal(0, 0.25, 3)
        hu += rng.uniform(30, 60) * np.sin(wave[0] * x + wave[1] * y + wave[2] * z + rng.uniform(0, 6))
    edge = np.hypot(x - x.max() / 2, y - y.max() / 2) > 0.49 * x.max()
    return Volume(np.where(edge, -1000, np.clip(hu, -250, 900)).astype(np.int16), grid)


@cache
def made_study(name: str = "made", seed: int = 1, lesions: bool = True) -> PreparedStudy:
    """Make a prepared study with one marked lesion."""
    volume = made_volume(seed)
    rows = np.array([[*LESION_MM, 6.0]]) if lesions else np.zeros((0, 4))
    return PreparedStudy(name, volume, measure_structure(volume.hu), rows)


def made_pair(name: str = "pair_1") -> PreparedPair:
    """Make a pair: the follow-up is the baseline, written 4 mm further along x and 2 mm along z."""
    baseline = made_study("before", 3, lesions=False)
    moved = Volume(baseline.volume.hu, crop_grid(SHIFT_MM, baseline.volume.grid.size))
    followup = PreparedStudy("after", moved, baseline.structure, baseline.lesions)
    lesion = PairedLesion("lesion_1", LESION_MM, 6.0, LESION_MM + SHIFT_MM, 6.5, LESION_MM + 1.0, LESION_MM - 3.0)
    return PreparedPair(name, baseline, followup, (lesion,))


def made_examples(seed: int, shares: dict[str, float] | None = None, **changes: object) -> NumberedExamples:
    """Number examples of the made study and pair, constructed ones alone unless shares are given."""
    study, settings = made_study(lesions=shares is None), replace(SCENARIO, **changes)
    kinds = kinds_of(shares or {"constructed": 1.0}, [study], [made_pair()], NO_ERRORS, settings)
    return NumberedExamples(kinds, 4.0, 3.5, seed)


def made_folder(folder: Path, *, pairs: bool = False) -> Path:
    """Write a prepared folder with two studies to train on and one held out."""
    with PreparedWriter(folder, {"registration_errors_mm": [[1.0, 2.0, -3.0], [0.5, 0.0, 4.0]]}) as writer:
        for name, seed in (("first", 1), ("second", 2), ("held_out", 5)):
            writer.add(made_study(name, seed))
        if pairs:
            writer.add_pair(made_pair())
    return folder


def made_config(place: Path, folder: Path, *, steps: int = 4, workers: int = 0, run: str = "", edit: str = "") -> Path:
    """Write the settings of a small run; `edit` is "old=>new"."""
    text = CONFIG.format(folder=folder, output=place / "run", steps=steps, workers=workers, run=run)
    if edit:
        old, new = edit.split("=>")
        if old not in text:
            raise ValueError(f"{old!r} is not in the made configuration")
        text = text.replace(old, new)
    path = place / "config.toml"
    path.write_text(text)
    return path
