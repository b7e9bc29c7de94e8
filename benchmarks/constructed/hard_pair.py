"""The record of a constructed benchmark pair: what was imposed on it, and the truth of every lesion."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.constructed.bodies import Body
from benchmarks.constructed.region_map import RegionMap
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

HARD_MM = 15.0
"""From this imposed motion against the surroundings on a lesion belongs to the hard part."""
GONE = ("vanished", "outside")

Triple = tuple[float, float, float]


def triple(point: np.ndarray) -> Triple:
    """Return a point as three floats."""
    x, y, z = (float(v) for v in point)
    return x, y, z


@dataclass(frozen=True)
class TrueLesion:
    """A lesion and where it really is.

    Args:
        id: unique in its pair.
        kind: "structure" of the patient or "implant".
        change: same, grown, shrunk, faded, look-alikes, new neighbour, vanished or outside.
        baseline_mm: LPS.
        radius_mm: in the baseline.
        followup_mm: LPS; of one that is gone: where it would be.
        followup_radius_mm: in the follow-up.
        moved_mm: imposed motion against the surroundings.
    """

    id: str
    kind: str
    change: str
    baseline_mm: Triple
    radius_mm: float
    followup_mm: Triple
    followup_radius_mm: float
    moved_mm: float

    @property
    def counted(self) -> bool:
        """Whether there is something to find."""
        return self.change not in GONE

    @property
    def hard(self) -> bool:
        """Whether its region moved by at least 15 mm against its surroundings."""
        return self.moved_mm >= HARD_MM


@dataclass(frozen=True)
class Scanner:
    """How the two scans were made.

    Args:
        slice_mm: of the follow-up.
        kernel_mm: blurs (above 0) or sharpens (below 0) the follow-up in plane.
        noise_hu: of the baseline and of the follow-up.
        cutoff: of the noise spectrum of either scan, cycles per pixel.
        streaks: fans of streaks in the follow-up.
        vessels_hu: contrast phase; added to vessels.
        tissue_hu: contrast phase; added to parenchyma.
        table: the follow-up lies on another table.
    """

    slice_mm: float
    kernel_mm: float
    noise_hu: tuple[float, float]
    cutoff: tuple[float, float]
    streaks: int
    vessels_hu: float
    tissue_hu: float
    table: bool


@dataclass(frozen=True, eq=False)
class HardScenario:
    """Everything that is drawn before a pair is rendered.

    Args:
        exact: the map from the baseline to the follow-up.
        grid: of the follow-up.
        scanner: how it looks.
        before: bodies of the baseline.
        after: bodies of the follow-up, in baseline coordinates.
        lesions: the truth.
        seed: of the noise.
    """

    exact: RegionMap
    grid: Grid
    scanner: Scanner
    before: tuple[Body, ...]
    after: tuple[Body, ...]
    lesions: tuple[TrueLesion, ...]
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return {
            "lesions": [asdict(lesion) for lesion in self.lesions],
            "scanner": asdict(self.scanner),
            "shift_mm": self.exact.shift_mm.tolist(),
            "regions": [
                {"center_mm": r.center_mm.tolist(), "shift_mm": r.shift_mm.tolist(), "reach_mm": r.reach_mm.tolist()}
                for r in self.exact.regions.regions
            ],
            "bodies": [len(self.before), len(self.after)],
        }


@dataclass(frozen=True, eq=False)
class HardPair:
    """A rendered pair.

    Args:
        baseline: int16 HU.
        followup: int16 HU.
        scenario: what was imposed, and the truth.
    """

    baseline: Volume
    followup: Volume
    scenario: HardScenario
