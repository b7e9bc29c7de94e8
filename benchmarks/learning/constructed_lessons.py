"""Constructed studies of a domain that the weights handle worse, with corrections whose truth is exact."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lib.studies.grid import Grid
from lib.studies.reader import read_volume
from lib.studies.volume import Volume
from lib.training.appearance import Appearance
from lib.training.constructed import ConstructedPair, Scan
from lib.training.draw import RegistrationErrors
from lib.training.lessons import Lesson
from lib.training.prepare import prepare_study
from lib.training.scenario import ScenarioSettings, draw_pair
from lib.training.studies import PreparedStudy

SHARP = Appearance(sharpen=2.0, slices=4, noise_hu=60.0)
"""Slices of 8 mm, a sharp kernel and much noise: beyond what training draws (6 mm, 1.0, 35 HU)."""

SCENARIO = ScenarioSettings(vanished=0.0, moving=0.25, implant=0.6, lesions=2)
ERRORS = RegistrationErrors(np.zeros((0, 3)), tail=0.4)
REACH_MM = 110.0
SPACING_MM = np.array([0.8, 0.8, 2.0])


@dataclass(frozen=True, eq=False)
class Domain:
    """Lessons on constructed studies, and the studies.

    Args:
        lessons: corrections; the patient is the base volume.
        volumes: by study id.
    """

    lessons: list[Lesson]
    volumes: dict[str, Volume]


def construct(folder: Path, names: Sequence[str], lesions: int, seed: int) -> Domain:
    """Construct pairs of base volumes until each has its share of the lesions.

    Args:
        folder: of the volumes, `<name>.nii.gz` each.
        names: base volumes.
        lesions: in all.
        seed: of everything drawn.
    """
    lessons: list[Lesson] = []
    volumes: dict[str, Volume] = {}
    for number, name in enumerate(names):
        study = prepare_study(name, read_volume(folder / f"{name}.nii.gz"), [])
        wanted = lesions // len(names) + (1 if number < lesions % len(names) else 0)
        own: list[Lesson] = []
        draw = 0
        while len(own) < wanted:
            rng = np.random.default_rng([seed, number, draw])
            own += _taught(f"{name}__{draw}", study, rng, volumes)[: wanted - len(own)]
            draw += 1
        lessons += own
    used = {lesson.baseline for lesson in lessons} | {lesson.followup for lesson in lessons}
    return Domain(lessons, {key: volume for key, volume in volumes.items() if key in used})


def mislabelled(lessons: Sequence[Lesson], shift_mm: float, seed: int) -> list[Lesson]:
    """Return the same lessons with each reader's point moved by `shift_mm` in a direction of its own."""
    rng = np.random.default_rng(seed)
    moved = []
    for lesson in lessons:
        direction = rng.normal(size=3)
        x, y, z = np.array(lesson.followup_mm) + direction / np.linalg.norm(direction) * shift_mm
        moved.append(replace(lesson, followup_mm=(float(x), float(y), float(z))))
    return moved


def _taught(name: str, study: PreparedStudy, rng: np.random.Generator, volumes: dict[str, Volume]) -> list[Lesson]:
    pair = draw_pair([study], ERRORS, SCENARIO, rng)
    before, after = f"{name}__before", f"{name}__after"
    volumes[before] = _scanned(pair.baseline, np.array([x.clicked_mm for x in pair.lesions]))
    volumes[after] = _scanned(pair.followup, _followup_points(pair))
    found = []
    for number, lesion in enumerate(pair.lesions):
        if lesion.followup_mm is None:
            continue
        found.append(
            Lesson(
                patient=study.name,
                baseline=before,
                followup=after,
                lesion=f"lesion_{number}",
                baseline_mm=_triple(lesion.clicked_mm),
                radius_mm=lesion.radius_mm,
                followup_mm=_triple(lesion.followup_mm),
                followup_radius_mm=lesion.followup_radius_mm,
                expected_mm=_triple(lesion.expected_mm),
                verdict="corrected",
            )
        )
    return [lesson for lesson in found if volumes[after].grid.contains(np.array([lesson.followup_mm]))[0]]


def _followup_points(pair: ConstructedPair) -> np.ndarray:
    places = [lesson.followup_mm for lesson in pair.lesions if lesson.followup_mm is not None]
    return np.array([*places, *(lesson.expected_mm for lesson in pair.lesions)])


def _scanned(scan: Scan, points_mm: np.ndarray) -> Volume:
    """Scan the surroundings of some points as the domain's scanner would."""
    low, high = points_mm.min(axis=0) - REACH_MM, points_mm.max(axis=0) + REACH_MM
    counts = np.ceil((high - low) / SPACING_MM).astype(int)
    grid = Grid.from_parts((int(counts[0]), int(counts[1]), int(counts[2])), SPACING_MM, low, np.eye(3))
    hu = replace(scan, look=SHARP).source()(grid).numpy()
    return Volume(np.round(hu).astype(np.int16), grid)


def _triple(point: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in point)
    return x, y, z
