"""What every kind of example is drawn as: two scans with lesions of known places, and the crops to read."""

from dataclasses import dataclass

from lesion_tracker.arrays import PointMm
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.volumes.grid import Grid


@dataclass(frozen=True, eq=False)
class ExampleLesion:
    """One lesion of a pair with its truth.

    Args:
        clicked_mm: where the reader clicked in the baseline (LPS), off the centre by at most a quarter of the radius.
        radius_mm: in the baseline.
        followup_mm: its centre in the follow-up (LPS), exact; None where it has vanished.
        followup_radius_mm: in the follow-up.
        expected_mm: where registration is taken to put it.
        kind: "structure", "marked", "proposal", "implant", "vanished" or "pair".
        moved_mm: how far its region moved against its surroundings.
    """

    clicked_mm: PointMm
    radius_mm: float
    followup_mm: PointMm | None
    followup_radius_mm: float
    expected_mm: PointMm
    kind: str
    moved_mm: float


@dataclass(frozen=True, eq=False)
class ExamplePair:
    """Two scans with lesions of known places, and the crops to read.

    Args:
        baseline: the earlier scan.
        followup: the later one.
        template_grid: crop of the baseline.
        search_grid: crop of the follow-up.
        lesions: at least one.
        signal_warp: from follow-up to baseline: the search's anatomy signals are the baseline's balls as it shows them;
            None: balls round the expected places.
    """

    baseline: Scan
    followup: Scan
    template_grid: Grid
    search_grid: Grid
    lesions: tuple[ExampleLesion, ...]
    signal_warp: Warp | None = None
