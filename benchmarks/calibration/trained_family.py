"""Whole pairs made as training makes its crops: bumps, lobulated implants, blurred noise; for variety in the fit."""

import numpy as np
import torch

from benchmarks.accuracy.built import Loaded, built_once
from benchmarks.accuracy.cases import NamedPair
from benchmarks.accuracy.data import study
from benchmarks.constructed.places import Places
from lesion_tracker.network.config import SPACING_MM
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.training.examples.appearance import random_appearance
from lesion_tracker.training.examples.draw import random_radius
from lesion_tracker.training.examples.implants import Implant, random_implant
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.warp import Bump, Warp, moving_region, pose, random_bumps
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import AIR_HU, Volume

LESIONS = 24
HARD = 4
VANISHED = 5
TRIES = 60


def trained_cases(folder, count: int, volumes: tuple[str, ...], seed: int) -> list[NamedPair]:  # type: ignore[no-untyped-def]
    """Return constructed pairs of the training's family, of some studies in turn."""

    def case(number: int) -> NamedPair:
        name = volumes[number % len(volumes)]
        rng_seed = [seed, number, *name.encode()]
        stem = f"trained_{name}_{seed}_{number}"
        load = lambda: built_once(stem, lambda: _load(*study(folder, name), rng_seed))  # noqa: E731
        return NamedPair(f"trained/{name}/{number}", "trained", name, load)

    return [case(number) for number in range(count)]


def _load(volume: Volume, places: Places, seed: list[int]) -> Loaded:
    rng = np.random.default_rng(seed)
    centers = _centers(volume, places, rng)
    warp, moved, followup = _warp(volume, centers, rng)
    truth, before, after = [], [], []
    for n, (center, there) in enumerate(zip(centers, followup, strict=True)):
        radius = random_radius(rng, max(4.0, min(20.0, places.at(places.depth_mm, center))))
        gone = n >= LESIONS - VANISHED
        kind = "implant" if gone or n % 2 else "structure"
        later = radius * float(np.exp(rng.uniform(-0.7, 0.7))) if kind == "implant" else radius
        if kind == "implant":
            body = random_implant(rng, center, radius, places.at(places.hu, center))
            before.append(body)
            after += [] if gone else [body.changed(radius_mm=later, hu=body.hu + float(rng.normal(0, 15)))]
        truth.append({
            "id": f"lesion_{n + 1}", "kind": kind, "change": "vanished" if gone else "same",
            "baseline_mm": tuple(float(v) for v in center), "radius_mm": radius,
            "followup_mm": tuple(float(v) for v in there), "followup_radius_mm": later,
            "moved_mm": moved if n < HARD else 0.0, "counted": not gone, "hard": n < HARD,
        })  # fmt: skip
    pair = Pair(_scan(volume, None, before, rng), _scan(volume, warp, after, rng))
    return Loaded(pair, truth, {"warp": len(warp.bumps)})


def _centers(volume: Volume, places: Places, rng: np.random.Generator) -> np.ndarray:
    centers: list[np.ndarray] = []
    for _ in range(4000):
        center = places.structure(rng) if len(centers) % 2 == 0 else places.room(rng)
        apart = all(np.linalg.norm(center - other) > 25 for other in centers)
        if apart and volume.grid.contains(center[None], -15.0)[0]:
            centers.append(center)
        if len(centers) == LESIONS:
            break
    return np.array(centers)


def _warp(volume: Volume, centers: np.ndarray, rng: np.random.Generator) -> tuple[Warp, float, np.ndarray]:
    """Draw a warp that can be inverted at all lesions and keeps them in view; its first regions move by themselves."""
    low, high = volume.grid.bounds_mm()
    middle = (low + high) / 2
    for _ in range(TRIES):
        affine = pose(middle, rng.uniform(-1, 1, 3) * [5.0, 5.0, 10.0], float(np.exp(rng.uniform(-0.1, 0.1))))
        bumps: tuple[Bump, ...] = random_bumps(rng, middle, float(max(high - low)) / 2, 9.0)
        length = float(rng.uniform(15, 45))
        smooth = Warp(affine, bumps)
        try:
            there = smooth.inverse(centers[:HARD])
            moving = [moving_region(rng, place, length, length) for place in there]
            regions = tuple(Bump(m.center_mm - m.shift_mm, m.shift_mm, m.width_mm) for m in moving)
            warp = Warp(affine, (*bumps, *regions))
            followup = warp.inverse(centers)
        except ValueError:
            continue
        if volume.grid.contains(followup, -6.0).all():
            return warp, length, followup
    raise ValueError(f"{TRIES} warps in a row could not be inverted or moved a lesion out of the study")


def _scan(volume: Volume, warp: Warp | None, bodies: list[Implant], rng: np.random.Generator) -> Volume:
    low, high = volume.grid.bounds_mm()
    size = np.floor((high - low) / SPACING_MM).astype(int) + 1
    grid = Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), np.array(SPACING_MM), low, np.eye(3))
    scan = Scan(volume, warp, tuple(bodies), random_appearance(rng), int(rng.integers(2**31)))
    hu = torch.round(scan.source()(grid)).clamp(AIR_HU, 3071)
    return Volume(hu.to(torch.int16).numpy(), grid)
