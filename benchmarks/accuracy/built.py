"""Constructed pairs on disk, so that each is built once for all rows of all benchmarks."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.data import CACHE
from benchmarks.accuracy.store import making_code
from lesion_tracker.files.whole import write_text, written_whole
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume


@dataclass(frozen=True, eq=False)
class Loaded:
    """A pair at hand.

    Args:
        pair: both studies.
        truth: one record a lesion: id, baseline_mm, radius_mm, followup_mm, followup_radius_mm, counted, hard, …
        made: how it was made.
    """

    pair: Pair
    truth: list[dict[str, Any]]
    made: dict[str, Any]

    def lesions(self) -> list[Lesion]:
        """Return the lesions as a reader would mark them."""
        return [Lesion(one["id"], tuple(one["baseline_mm"]), one["radius_mm"]) for one in self.truth]


def built_once(name: str, build: Callable[[], Loaded], folder: Path | None = None) -> Loaded:
    """Return a constructed pair from disk, or build it and keep it there.

    Args:
        name: says everything that decides the pair but code: volume, seed, number.
        build: makes it.
        folder: of the files; None is that of the benchmarks' results.
    """
    folder = CACHE / "pairs" if folder is None else folder
    stem = folder / f"{name}_{making_code()}"
    arrays, records = stem.with_suffix(".npz"), stem.with_suffix(".json")
    if arrays.exists() and records.exists():
        return _read(arrays, records)
    loaded = build()
    folder.mkdir(parents=True, exist_ok=True)
    _write(loaded, arrays, records)
    return _read(arrays, records)  # what is measured never depends on who built it


def _write(loaded: Loaded, arrays: Path, records: Path) -> None:
    both = {"baseline": loaded.pair.baseline, "followup": loaded.pair.followup}
    parts = {f"{which}_hu": study.hu for which, study in both.items()}
    parts |= {f"{which}_grid": study.grid.lps_from_index for which, study in both.items()}
    with written_whole(arrays) as draft:
        np.savez(draft, **parts)
    warnings = {which: list(study.warnings) for which, study in both.items()}
    text = json.dumps({"truth": loaded.truth, "made": loaded.made, "warnings": warnings})
    write_text(text, records)


def _read(arrays: Path, records: Path) -> Loaded:
    known = json.loads(records.read_text())
    with np.load(arrays) as parts:
        baseline, followup = (_study(parts, which, known["warnings"][which]) for which in ("baseline", "followup"))
        pair = Pair(baseline, followup)
    return Loaded(pair, known["truth"], known["made"])


def _study(parts: Any, which: str, warnings: list[str]) -> Volume:
    hu, matrix = parts[f"{which}_hu"], parts[f"{which}_grid"]
    return Volume(hu, Grid((hu.shape[2], hu.shape[1], hu.shape[0]), matrix), tuple(warnings))
