"""What every kind of example is drawn as: two scans with lesions of known places, and the crops to read."""

from collections.abc import Callable
from dataclasses import dataclass

from lesion_tracker.arrays import PointMm
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.volumes.grid import Grid

DRAWS = 50
"""So many useless draws in a row are the studies' fault."""


@dataclass(frozen=True, eq=False)
class ExampleLesion:
    """One lesion of a pair with its truth.

    Args:
        clicked_mm: where the reader clicked in the baseline (LPS), off the centre by at most a quarter of the radius.
        radius_mm: in the baseline.
        followup_mm: its centre in the follow-up (LPS), exact; None where it has vanished
            or was not scanned.
        followup_radius_mm: in the follow-up.
        expected_mm: where registration is taken to put it.
        kind: "structure", "marked", "proposal", "implant", "outlined", "vanished", "outside" or "pair".
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


def drawn_again(what: str, draw_once: Callable[[], ExamplePair]) -> ExamplePair:
    """Draw until a pair holds a usable lesion.

    Args:
        what: kind of the pairs, for the message.
        draw_once: draws a pair, perhaps without lesions; raises ValueError where the draw cannot be used.

    Raises:
        ValueError: if 50 draws in a row fail.
    """
    for _ in range(DRAWS):
        try:
            pair = draw_once()
        except ValueError:
            continue
        if pair.lesions:
            return pair
    raise ValueError(f"{DRAWS} {what} pairs in a row held no usable lesion: are the studies smaller than the crops?")
