"""Constructed pairs of whole studies in a domain, registered once, and the corrections that a reader would make on them."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.data import study
from benchmarks.constructed.hard_render import hard_pair
from benchmarks.learning.scanner import Scanner, scanned
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.files.whole import write_text, written_whole
from lesion_tracker.network.inputs import hu_source
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.registration.register import register
from lesion_tracker.tracking.search import search_sources
from lesion_tracker.training.learning.taught import TaughtLesion
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SEED = 77
WRONG_MM = 3.0
"""A reader moves a point that is at least this far off."""


@dataclass(frozen=True)
class StoredPair:
    """A constructed pair on disk.

    Args:
        volume: base volume.
        number: of the pair.
        folder: with `baseline.npz`, `followup.npz` and `pair.json`.
        lesions: records: id, baseline_mm, radius_mm, followup_mm, followup_radius_mm (as registration expects it),
            expected_mm (the affine's point), seen (whether that was scanned).
        failed: why the pair could not be constructed or registered, or "".
    """

    volume: str
    number: int
    folder: Path
    lesions: list[dict[str, Any]]
    failed: str

    def study(self, name: str) -> Volume:
        """Return "baseline" or "followup"."""
        return _read(self.folder / f"{name}.npz")

    @property
    def name(self) -> str:
        """The pair's name; its studies are `<name>__baseline` and `<name>__followup`."""
        return f"{self.volume}_{self.number}"


def stored_pair(data: Path, cache: Path, volume: str, number: int, scanner: Scanner | None) -> StoredPair:
    """Return a pair, constructed and registered at the first call.

    Args:
        data: folder of the base volumes.
        cache: of this benchmark's pairs.
        volume: base volume.
        number: of the pair, from 0.
        scanner: of both studies; None leaves them as `benchmarks.constructed` renders them.
    """
    folder = cache / f"{volume}_{number}"
    if not (folder / "pair.json").exists():
        _construct(data, folder, volume, number, scanner)
    record = json.loads((folder / "pair.json").read_text(encoding="utf-8"))
    return StoredPair(volume, number, folder, record["lesions"], record["failed"])


def _construct(data: Path, folder: Path, volume: str, number: int, scanner: Scanner | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    source, places = study(data, volume)
    lesions: list[dict[str, Any]] = []
    failed = ""
    try:
        made = hard_pair(source, places, SEED, number)
        baseline = scanned(made.baseline, scanner, [SEED, number, 1])
        followup = scanned(made.followup, scanner, [SEED, number, 2])
        found = register(baseline, followup, "affine")
    except (ValueError, RegistrationFailed) as error:
        failed = str(error)
    else:
        for file, scan in (("baseline", baseline), ("followup", followup)):
            _write(folder / f"{file}.npz", scan)
        for lesion in made.scenario.lesions:
            inside = baseline.grid.contains(np.array([lesion.baseline_mm]))[0]
            if not (lesion.counted and inside and followup.grid.contains(np.array([lesion.followup_mm]))[0]):
                continue
            expected = found(np.array([lesion.baseline_mm]))[0]
            lesions.append({
                "id": lesion.id,
                "baseline_mm": list(lesion.baseline_mm),
                "radius_mm": lesion.radius_mm,
                "followup_mm": list(lesion.followup_mm),
                "followup_radius_mm": float(np.clip(lesion.radius_mm * found.radius_scale, 0.5, 200.0)),
                "expected_mm": expected.tolist(),
                "seen": bool(followup.grid.contains(expected[None])[0]),
                "hard": lesion.hard,
            })  # fmt: skip
    write_text(json.dumps({"lesions": lesions, "failed": failed}), folder / "pair.json")


def track_errors(tracker: Tracker, pair: StoredPair) -> list[float]:
    """Track the lesions of a pair as method `dlt` does; return the distances to the truth in mm."""
    baseline, followup = hu_source(pair.study("baseline")), hu_source(pair.study("followup"))
    errors = []
    for lesion in pair.lesions:
        answer = expected = np.array(lesion["expected_mm"])
        if lesion["seen"]:
            center = np.array(lesion["baseline_mm"])
            radii = lesion["radius_mm"], lesion["followup_radius_mm"]
            answer = search_sources(tracker, baseline, (center, radii[0]), followup, (expected, radii[1])).center_mm
        errors.append(float(np.linalg.norm(answer - lesion["followup_mm"])))
    return errors


def corrections(pair: StoredPair, errors: Sequence[float], most: int) -> list[TaughtLesion]:
    """Return what a reader corrects on a pair: the first `most` points that are 3 mm off or more.

    Args:
        pair: constructed.
        errors: of the weights that tracked it, one for each lesion.
        most: so many at most.
    """
    corrected: list[TaughtLesion] = []
    for lesion, error in zip(pair.lesions, errors, strict=True):
        if error < WRONG_MM or not lesion["seen"] or len(corrected) == most:
            continue
        corrected.append(
            TaughtLesion(
                patient=pair.volume,
                baseline=f"{pair.name}__baseline",
                followup=f"{pair.name}__followup",
                lesion_id=lesion["id"],
                baseline_mm=tuple(lesion["baseline_mm"]),
                radius_mm=lesion["radius_mm"],
                followup_mm=tuple(lesion["followup_mm"]),
                followup_radius_mm=lesion["followup_radius_mm"],
                expected_mm=tuple(lesion["expected_mm"]),
                verdict="corrected",
            )
        )
    return corrected


def mislabelled(corrected: Sequence[TaughtLesion], shift_mm: float, seed: int) -> list[TaughtLesion]:
    """Return the same corrections with each reader's point moved by `shift_mm` in a direction of its own."""
    rng = np.random.default_rng(seed)
    moved = []
    for lesion in corrected:
        direction = rng.normal(size=3)
        x, y, z = np.array(lesion.followup_mm) + direction / np.linalg.norm(direction) * shift_mm
        moved.append(replace(lesion, followup_mm=(float(x), float(y), float(z))))
    return moved


def study_of(pairs: Sequence[StoredPair], study_id: str) -> Volume:
    """Return the volume of a study id that `corrections` wrote."""
    name, which = study_id.rsplit("__", 1)
    return next(pair for pair in pairs if pair.name == name).study(which)


def _write(path: Path, volume: Volume) -> None:
    with written_whole(path) as draft:
        np.savez_compressed(draft, hu=volume.hu, lps_from_index=volume.grid.lps_from_index)


@functools.lru_cache(maxsize=4)
def _read(path: Path) -> Volume:
    with np.load(path) as arrays:
        hu = arrays["hu"]
        nz, ny, nx = hu.shape
        return Volume(hu, Grid((nx, ny, nz), arrays["lps_from_index"]))
