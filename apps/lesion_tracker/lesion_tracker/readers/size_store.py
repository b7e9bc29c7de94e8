"""The store of what was measured because a reader asked for it: axes and outline at a point, a history a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.study_histories import SIZES_TAG
from lesion_tracker.records.json_record import Point, triple
from lesion_tracker.records.measurement import Measurement

IN_SLICE_MM = 0.01


@dataclass(frozen=True)
class Kept:
    """A measurement as it is kept.

    Args:
        measured: with its lesion's id, and the rings of the slice of its axes alone.
        at_mm: the point that it was made at, LPS mm of the study; where the lesion has another point now, it says nothing.
        slice_mm: distance of the study's slices along the body.
        on: stamp of the volume.
    """

    measured: Measurement
    at_mm: Point
    slice_mm: float
    on: str


class SizeStore:
    """Measurements of lesions in `<folder>/measurements/<study id>.jsonl`; a study without this file has none.

    Args:
        marks: the lesions that they are about; both lie in one folder and share its lock.
    """

    def __init__(self, marks: MarkStore) -> None:
        self._marks = marks

    def add(self, study_id: str, kept: Sequence[Kept]) -> None:
        """Keep measurements; the last one of a lesion counts."""
        with self._marks.transaction():
            self._marks.history(SIZES_TAG, study_id).append([_entry(one) for one in kept])

    def of_study(self, study_id: str) -> Mapping[str, Kept]:
        """Return the last measurement of each lesion on the volume that the study's id stands for now, by lesion id."""
        holds, history = self._marks.volumes(study_id).holds, self._marks.history(SIZES_TAG, study_id)
        kept = (_read(entry, f"{history.path.name}, line {n}") for n, entry in enumerate(history.entries(), start=1))
        return {one.measured.lesion_id: one for one in kept if holds(one.on)}


def _entry(kept: Kept) -> dict[str, Any]:
    measured = kept.measured
    here = tuple(ring for ring in measured.outline if abs(ring[0][2] - measured.key_slice) < IN_SLICE_MM)
    whole = {"at_mm": list(kept.at_mm), "slice_mm": kept.slice_mm, "on": kept.on}
    return {"measurement": replace(measured, outline=here).to_json(), **whole}


def _read(entry: Mapping[str, Any], where: str) -> Kept:
    try:
        measured, slice_mm = Measurement.from_json(entry["measurement"]), float(entry["slice_mm"])
        return Kept(measured, triple(entry["at_mm"]), slice_mm, str(entry["on"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{where}: no measurement: {error!r}; restore it from a copy") from None
