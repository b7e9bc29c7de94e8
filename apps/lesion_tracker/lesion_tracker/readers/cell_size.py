"""The size of a lesion at a cell's point: what its track measured, or what was measured since; nothing is measured unasked."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lesion_tracker.measurement.measure import measure
from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.size_store import Kept
from lesion_tracker.records.json_record import Ends
from lesion_tracker.records.measurement import Measurement, Ring
from lesion_tracker.records.track import Track
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

SAME_MM = 0.01
SAME_SIZE = 0.1
"""An outline that is drawn after a track belongs to its axes where both long axes differ by at most this share."""


@dataclass(frozen=True)
class Size:
    """What is shown of a lesion's size in one study; points are LPS mm of the study.

    Args:
        long_axis_mm: longest diameter within an axial slice.
        short_axis_mm: square to it.
        long_ends_mm: of the long axis; their z is that of the slice.
        short_ends_mm: of the short axis.
        rings: the outline in the slice of the axes, closed; none where it is not known.
        outline: the same in all slices; it is neither drawn nor told apart by `version`.
        check: why a reader should look at it, or "".
        volume_ml: within the outline, where it is known.
        who: the reader whose it is, or "".
        when: ISO 8601; "" where it is no reader's.
    """

    long_axis_mm: float
    short_axis_mm: float
    long_ends_mm: Ends
    short_ends_mm: Ends
    rings: tuple[Ring, ...] = ()
    check: str = ""
    volume_ml: float | None = None
    who: str = ""
    when: str = ""
    outline: tuple[Ring, ...] = field(default=(), repr=False)

    @property
    def slice_mm(self) -> float:
        """LPS z of the slice of both axes."""
        return self.long_ends_mm[0][2]

    @property
    def words(self) -> str:
        """Both axes as radiologists write them."""
        return f"{self.long_axis_mm:.1f} × {self.short_axis_mm:.1f} mm"

    @property
    def version(self) -> str:
        """What is different once the size is: what a reader saw, and answers."""
        return hashlib.blake2s(repr(self).encode(errors="replace"), digest_size=8).hexdigest()

    def drawn(self) -> dict[str, Any]:
        """Return what the large view draws, LPS mm, as plain JSON values."""
        return {
            "slice": self.slice_mm,
            "axes": [self.long_ends_mm, self.short_ends_mm],
            "rings": self.rings,
            "words": self.words,
            "check": self.check,
            "when": self.when,
            "version": self.version,
        }


def size_of(cell: Cell, kept: Kept | None, said: Kept | None = None) -> Size | None:
    """Return the size at a cell's point, or None where nobody has measured there.

    A reader's own counts before all others. A track's axes count before what was measured afterwards, which lends them its
    outline; once a reader has moved the point, only what was measured at that very point counts.

    Args:
        cell: the lesion in the study.
        kept: what was measured there since.
        said: what a reader drew there.
    """
    if said is not None and said_holds(said, cell):
        return size_from(said.measured)
    track = _measuring_track(cell)
    after = size_from(kept.measured) if kept is not None and _is_at(kept, cell) else None
    if track is None:
        return after
    size = Size(
        float(track.long_axis_mm or 0.0),
        float(track.short_axis_mm or 0.0),
        track.long_ends_mm or ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        track.short_ends_mm or track.long_ends_mm or ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        check=track.check_size,
        volume_ml=track.volume_ml,
    )
    fits = after is not None and abs(after.long_axis_mm - size.long_axis_mm) < SAME_MM
    return replace(size, rings=after.rings, outline=after.outline) if after is not None and fits else size


def measured_at(cell: Cell, volume: Volume, said: Kept | None = None) -> Measurement:
    """Measure at a cell's point; where its track has axes, these are kept, with an outline if one of their size is found.

    Args:
        cell: the lesion in the study.
        volume: of the study.
        said: what a reader drew there; where it holds, it is the answer.

    Raises:
        ValueError: for a cell without a point.
        PointOutsideError: for a point outside of the volume.
    """
    if cell.center_mm is None:
        raise ValueError(f"{cell.lesion_id} has no point in {cell.study_id}")
    if said is not None and said_holds(said, cell):
        return said.measured
    track = _measuring_track(cell)
    point = np.array(cell.center_mm)
    if track is None or track.long_axis_mm is None or track.long_ends_mm is None:
        alone = measure(volume, point, cell.radius_mm)
        return replace(alone, study_id=cell.study_id, lesion_id=cell.lesion_id)
    drawn = measure(volume, point, track.long_axis_mm / 2)
    fits = abs(drawn.long_axis_mm / track.long_axis_mm - 1) <= SAME_SIZE
    slice_mm = track.long_ends_mm[0][2]
    return replace(
        drawn,
        long_axis_mm=track.long_axis_mm,
        short_axis_mm=track.short_axis_mm or 0.0,
        long_ends_mm=track.long_ends_mm,
        short_ends_mm=track.short_ends_mm or track.long_ends_mm,
        key_slice=slice_mm,
        volume_ml=track.volume_ml,
        mean_hu=track.mean_hu,
        outline=drawn.outline if fits else (),
        check=track.check_size,
        study_id=cell.study_id,
        lesion_id=cell.lesion_id,
    )


def size_from(one: Measurement) -> Size:
    """Return what is shown of a measurement."""
    here = tuple(ring for ring in one.outline if abs(ring[0][2] - one.key_slice) < SAME_MM)
    axes = float(one.long_axis_mm), float(one.short_axis_mm)
    who = one.changed_by, one.changed_at
    return Size(*axes, one.long_ends_mm, one.short_ends_mm, here, one.check, one.volume_ml, *who, outline=one.outline)


Sizes = Mapping[tuple[str, str], Size]
"""By study and lesion id."""


def growth(cells: Mapping[str, Cell], sizes: Sizes, study_id: str) -> float | None:
    """Return by how much a lesion's long axis is longer than in the last study before in which it has axes, mm.

    Args:
        cells: of the lesion, by study id, earliest first.
        sizes: that count.
        study_id: one of the studies.
    """
    names, lesion_id = list(cells), cells[study_id].lesion_id
    here = sizes.get((study_id, lesion_id))
    before = (sizes.get((name, lesion_id)) for name in reversed(names[: names.index(study_id)]))
    last = next((one for one in before if one is not None), None)
    return here.long_axis_mm - last.long_axis_mm if here is not None and last is not None else None


def wants_measuring(cell: Cell, kept: Kept | None, said: Kept | None = None) -> bool:
    """Say whether a cell has a point at which nobody has asked for axes and outline yet."""
    drawn = said is not None and said_holds(said, cell)
    return has_point(cell) and not drawn and not _is_at(kept, cell)


def has_point(cell: Cell) -> bool:
    """Say whether there is something to measure: a reader's point, or a tracked one."""
    return (cell.has_answer or cell.can_accept) and cell.center_mm is not None


def said_holds(said: Kept, cell: Cell) -> bool:
    """Say whether what a reader drew is about a cell's point.

    It is at the point where it was drawn, and at any that is no farther from the middle of its long axis than the ends are.
    """
    return _is_at(said, cell) or away_mm(said.measured, cell) <= said.measured.long_axis_mm / 2


def away_mm(measured: Measurement, cell: Cell) -> float:
    """Return how far a cell's point lies from the middle of a long axis, mm; infinite without a point."""
    middle = [(first + last) / 2 for first, last in zip(*measured.long_ends_mm, strict=True)]
    return math.inf if cell.center_mm is None else math.dist(middle, cell.center_mm)


def slice_distance_mm(grid: Grid) -> float:
    """Return the distance of a volume's slices along the body, mm."""
    return float(grid.spacing_mm[int(np.argmax(np.abs(grid.direction[2])))])


def _measuring_track(cell: Cell) -> Track | None:
    """Return the track whose axes are those of the cell's point."""
    track = cell.track
    measured = track is not None and track.long_axis_mm is not None and track.long_ends_mm is not None
    return track if track is not None and measured and cell.center_mm == track.center_mm else None


def _is_at(kept: Kept | None, cell: Cell) -> bool:
    """Say whether something was measured at a cell's point."""
    return kept is not None and cell.center_mm is not None and math.dist(kept.at_mm, cell.center_mm) < SAME_MM
