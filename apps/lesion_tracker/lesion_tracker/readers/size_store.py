"""The store of sizes: what was measured because a reader asked for it, and what readers drew; a history a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.readers.history import History
from lesion_tracker.readers.lines import action_line, line_on, require_own
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.said_line import of_line, text_of
from lesion_tracker.readers.study_histories import SIZES_TAG
from lesion_tracker.records.json_record import Point, triple
from lesion_tracker.records.measurement import Measurement

IN_SLICE_MM = 0.01
RESET, UNDO = "automatic", "undo"


@dataclass(frozen=True)
class Kept:
    """A measurement as it is kept.

    Args:
        measured: with its lesion's id. Of what was measured unchanged, the rings of the slice of its axes alone; what a reader
            drew is kept whole, and has `changed_at`.
        at_mm: the lesion's point then, LPS mm of the study.
        slice_mm: distance of the study's slices along the body.
        on: stamp of the volume.
    """

    measured: Measurement
    at_mm: Point
    slice_mm: float
    on: str


@dataclass(frozen=True)
class SizeStep:
    """What a reader did to the size of a lesion in a study.

    Args:
        what: "drawn" (axes, or an outline from a click), RESET, or UNDO.
        who: the reader, "" for an unnamed one.
        when: ISO 8601.
        kept: what was drawn, or None.
    """

    what: str
    who: str
    when: str
    kept: Kept | None = None

    @property
    def words(self) -> str:
        """Who did what."""
        if self.kept is None:
            done = "took back a step on its size" if self.what == UNDO else "went back to its automatic size"
        else:
            drawn = self.kept.measured
            done = f"measured it: {drawn.long_axis_mm:.1f} × {drawn.short_axis_mm:.1f} mm ({drawn.method})"
        return f"{self.who or 'an unnamed reader'} {done}"


class SizeStore:
    """Sizes of lesions in `<folder>/measurements/<study id>.jsonl`; a study without this file has none.

    Args:
        marks: the lesions that they are about; both lie in one folder and share its lock.
    """

    def __init__(self, marks: MarkStore) -> None:
        self._marks = marks

    def add(self, study_id: str, kept: Sequence[Kept]) -> None:
        """Keep measurements; the last one of a lesion counts, and what a reader drew (`changed_at`) before all others."""
        with self._marks.transaction():
            self._marks.require_there(study_id)
            self._history(study_id).append([_entry(one) for one in kept])

    def reset(self, study_id: str, lesion_id: str, by: str, on: str) -> None:
        """Let what was measured count again; the history keeps what the reader drew.

        Raises:
            InputError: where no reader's size counts.
        """
        with self._marks.transaction():
            if lesion_id not in self.said(study_id):
                raise InputError(f"{lesion_id} in {study_id} has its automatic size: no reader has drawn another")
            self._marks.require_there(study_id)
            self._history(study_id).append([{**action_line(RESET, lesion_id, by), **line_on(on)}])

    def undo(self, study_id: str, lesion_id: str, by: str, on: str) -> SizeStep:
        """Take back the last step on a lesion's size, if it was this reader's; the history keeps both.

        Returns:
            What was taken back.

        Raises:
            InputError: if there is nothing to take back.
            Changed: if the last step is another reader's.
        """
        with self._marks.transaction():
            standing = self._standing(study_id).get(lesion_id)
            if not standing:
                raise InputError(f"no reader has changed the size of {lesion_id} in {study_id}: nothing to undo")
            require_own(standing[-1].who, by, f"step on the size of {lesion_id!r} in study {study_id!r}")
            self._marks.require_there(study_id)
            self._history(study_id).append([{**action_line(UNDO, lesion_id, by), **line_on(on)}])
        return standing[-1]

    def of_study(self, study_id: str) -> Mapping[str, Kept]:
        """Return the last measurement of each lesion on the volume that the study's id stands for now, by lesion id."""
        return {name: one for name, one in self._lines(study_id) if isinstance(one, Kept)}

    def said(self, study_id: str) -> Mapping[str, Kept]:
        """Return what readers drew on that volume and what counts before what was measured, by lesion id."""
        last = {name: steps[-1].kept for name, steps in self._standing(study_id).items() if steps}
        return {name: kept for name, kept in last.items() if kept is not None}

    def steps(self, study_id: str, lesion_id: str) -> list[SizeStep]:
        """Return all that readers did to a lesion's size on that volume, oldest first, also what was taken back."""
        return [one for name, one in self._lines(study_id) if name == lesion_id and isinstance(one, SizeStep)]

    def has_undo(self, study_id: str, lesion_id: str) -> bool:
        """Say whether a reader's step on a lesion's size can be taken back."""
        return bool(self._standing(study_id).get(lesion_id))

    def _standing(self, study_id: str) -> dict[str, list[SizeStep]]:
        standing: dict[str, list[SizeStep]] = {}
        for name, one in self._lines(study_id):
            if isinstance(one, SizeStep) and one.what == UNDO:
                del standing.setdefault(name, [])[-1:]
            elif isinstance(one, SizeStep):
                standing.setdefault(name, []).append(one)
        return standing

    def _lines(self, study_id: str) -> list[tuple[str, Kept | SizeStep]]:
        """Return the lines about the volume that the study's id stands for now, each with its lesion."""
        holds = self._marks.volumes(study_id).holds
        return [(name, one) for name, on, one in self._marks.read(SIZES_TAG, study_id, _read_all) if holds(on)]

    def _history(self, study_id: str) -> History:
        return self._marks.history(SIZES_TAG, study_id)


def _entry(kept: Kept) -> dict[str, Any]:
    measured = kept.measured
    if not measured.changed_at:
        here = tuple(ring for ring in measured.outline if abs(ring[0][2] - measured.key_slice) < IN_SLICE_MM)
        measured = replace(measured, outline=here)
    return {"measurement": measured.to_json(), "at_mm": list(kept.at_mm), "slice_mm": kept.slice_mm, "on": kept.on}


def _read_all(history: History) -> list[tuple[str, str, Kept | SizeStep]]:
    """Return each line's lesion, the stamp of its volume, and what it says."""
    lines = []
    for number, entry in enumerate(history.entries(), start=1):
        with of_line(history.name, number):
            lines.append(_read(entry))
    return lines


def _read(entry: Mapping[str, Any]) -> tuple[str, str, Kept | SizeStep]:
    on = str(entry.get("on", ""))
    try:
        if entry.get("action") in (RESET, UNDO):
            lesion_id, by, at = (text_of(entry, key) for key in ("lesion_id", "by", "at"))
            return lesion_id, on, SizeStep(entry["action"], by, at)
        measured, slice_mm = Measurement.from_json(entry["measurement"]), float(entry["slice_mm"])
        kept = Kept(measured, triple(entry["at_mm"]), slice_mm, str(entry["on"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"no measurement: {error!r}") from None
    if not measured.changed_at:
        return measured.lesion_id, on, kept
    return measured.lesion_id, on, SizeStep("drawn", measured.changed_by, measured.changed_at, kept)
