"""What is measured of one pair: errors at points with known truth, seconds, forward and back, or the refusal."""

import gc
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.registration.draws import Draw
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.files.whole import write_text
from lesion_tracker.registration.affine import register_affine
from lesion_tracker.registration.deformable import register_deformable
from lesion_tracker.registration.methods import METHODS, all_parameters
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.register import CODE_VERSION
from lesion_tracker.volumes.volume import Volume

Record = dict[str, Any]


class Results:
    """Measurements by name, kept in a file after each, so that a run that was stopped goes on where it was.

    Those of another version or other parameters of registration are dropped.

    Args:
        path: of the JSON file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        parameters = {name: all_parameters(name) for name in METHODS}
        self._of = json.loads(json.dumps({"version": CODE_VERSION, "parameters": parameters}))
        kept = json.loads(path.read_text()) if path.exists() else {}
        self._known: dict[str, Record] = kept["measured"] if kept.get("of") == self._of else {}

    @property
    def known(self) -> dict[str, Record]:
        """What was measured so far, by name."""
        return self._known

    def get(self, name: str, measure: Callable[[], Record]) -> Record:
        """Return what is known under a name, or measure and keep it."""
        if name not in self._known:
            started = time.perf_counter()
            self._known[name] = measure()
            write_text(json.dumps({"of": self._of, "measured": self._known}, indent=1), self._path)
            gc.collect()
            print(f"{name}: {time.perf_counter() - started:.0f} s {_short(self._known[name])}", flush=True)
        return self._known[name]


def _short(record: Record) -> str:
    return ", ".join(f"{key} {value:.2f}" for key, value in record.items() if isinstance(value, float))


def measure(draw: Draw, deformable: bool) -> Record:
    """Register a pair, affinely and, if asked, deformably; both are computed afresh."""
    record: Record = {"name": draw.name, "refused": "", "points": len(draw.inside)}
    try:
        baseline, followup = (
            Volume(v.hu, v.grid) for v in (draw.baseline, draw.followup)
        )  # nothing remembered of them
        affine = register_affine(baseline, followup)
        record |= _errors("affine", draw, affine)
        if deformable:
            record |= _errors("deformable", draw, register_deformable(baseline, followup, affine))
    except RegistrationFailed as error:
        record["refused"] = str(error)
    return record


def _errors(method: str, draw: Draw, there: FollowupFromBaseline) -> Record:
    miss = there(draw.inside) - draw.truth(draw.inside)
    back = np.linalg.norm(there.inverse(there(draw.inside)) - draw.inside, axis=1)
    record: Record = {
        f"{method}_mm": float(np.linalg.norm(miss, axis=1).mean()),
        f"{method}_worst_mm": float(np.linalg.norm(miss, axis=1).max()),
        f"{method}_z_mm": float(np.abs(miss[:, 2]).mean()),
        f"{method}_back_mm": float(back.max()),
        f"{method}_s": float(sum(there.seconds.values())),
        f"{method}_fallback": there.fallback,
        f"{method}_doubts": [doubt.kind for doubt in there.doubts],
        f"{method}_quality": there.quality,
    }
    if len(draw.outside):
        beyond = np.linalg.norm(there(draw.outside) - draw.truth(draw.outside), axis=1)
        record[f"{method}_beyond_mm"] = float(beyond.mean())
    return record


def doubted(baseline: Volume, followup: Volume) -> Record:
    """Register a wrong pair deformably and say how it was refused ("" if it was not), and which doubts it was given."""
    try:
        affine = register_affine(baseline, followup)
        there = register_deformable(baseline, followup, affine)
    except RegistrationFailed as error:
        return {"refused": str(error), "doubts": [], "quality": {}}
    kinds = [doubt.kind for doubt in there.doubts]
    return {"refused": "", "doubts": kinds, "quality": affine.quality, "deformable_quality": there.quality}
