"""A reader's own size of a lesion in a study: axes that were drawn, an outline from a click, back to automatic, and undo."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import Changed, InputError
from lesion_tracker.measurement.measure import measure
from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.cell_size import away_mm, has_point, measured_at, size_from, slice_distance_mm
from lesion_tracker.readers.drawn_axes import in_a_slice, with_axes
from lesion_tracker.readers.lines import now
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.size_store import Kept
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.server import addresses
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.server.review.requests import Name, OneRequest, PointOfThree, Stamp
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.review.shared_routes import Mm, require_json
from lesion_tracker.server.who import signed
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.inside import require_inside
from lesion_tracker.volumes.volume import Volume

Axis = tuple[PointOfThree, PointOfThree]


class OnSize(OneRequest):
    """A reader goes back to the automatic size, or takes back the last step on the size.

    Args:
        study: where.
        lesion: the lesion.
        seen: `StudyRecords.seen` of what the reader saw there.
        size: `Size.version` of the size that the reader saw, "" for none.
    """

    study: Name
    lesion: Name
    seen: Stamp
    size: Stamp = ""


class Draw(OnSize):
    """A reader says what size a lesion has in a study: by axes, by a new outline, or by axes over that outline.

    Args:
        click_mm: from where the outline is measured anew, LPS mm; None: the one that there is.
        axes_mm: ends of both axes, in one axial slice; None: those of the outline.
    """

    click_mm: PointOfThree | None = None
    axes_mm: tuple[Axis, Axis] | None = None


class DrawnSizes:
    """Keeps what readers draw.

    Args:
        review: knows the patient's lesions.
        catalog: the studies.
        marks: where lesions and their sizes are kept.
        engine: reads volumes.
        bound: keeps what is drawn to the volume that it was drawn on.
        measuring: knows the sizes that count.
    """

    def __init__(
        self,
        review: Review,
        catalog: Catalog,
        marks: MarkStore,
        engine: Engine,
        bound: BoundMarks,
        measuring: Measuring,
    ) -> None:
        self._review, self._catalog, self._marks = review, catalog, marks
        self._engine, self._bound, self._measuring, self._store = engine, bound, measuring, measuring.store

    def outline(self, study_id: str, click_mm: PointOfThree) -> Measurement:
        """Return what is measured from a click; nothing is kept."""
        return measure(self._engine.volume(self._catalog.study(study_id)), point_mm(click_mm))

    def draw(self, request: Draw, reader: str) -> dict[str, Any]:
        """Keep a reader's axes or outline; it counts before what was measured."""
        if request.click_mm is None and request.axes_mm is None:
            raise InputError("send axes_mm, click_mm, or both: there is nothing to keep")
        study = self._catalog.study(request.study)
        volume, on = self._engine.stamped(study)
        self._bound.before_marking(study, on)
        cell = self._cell(study, request.lesion)
        measured = self._measured(request, volume, cell)
        kept = Kept(
            replace(measured, study_id=study.id, lesion_id=cell.lesion_id, changed_by=reader, changed_at=now()),
            cell.center_mm or measured.center_mm,
            slice_distance_mm(volume.grid),
            on,
        )
        if (far := away_mm(measured, cell)) > measured.long_axis_mm:
            raise InputError(
                f"what was drawn lies {far:.1f} mm from the point of {cell.lesion_id} in {study.id}: "
                "move the point there first, or mark another lesion"
            )
        with self._marks.transaction():
            self._require_seen(study, request)
            self._store.add(study.id, [kept])
        self._bound.remember(study, volume, on)
        return self._done(f"{request.lesion}: {size_from(kept.measured).words} kept", study, request.lesion)

    def reset(self, request: OnSize, reader: str) -> dict[str, Any]:
        """Let the automatic size count again."""
        study = self._catalog.study(request.study)
        with self._marks.transaction():
            self._require_seen(study, request)
            self._store.reset(study.id, request.lesion, reader, self._marks.volumes(study.id).current)
        return self._done(f"{request.lesion}: its automatic size counts again", study, request.lesion)

    def undo(self, request: OnSize, reader: str) -> dict[str, Any]:
        """Take back the reader's last step on the size."""
        study = self._catalog.study(request.study)
        with self._marks.transaction():
            self._require_seen(study, request)
            taken = self._store.undo(study.id, request.lesion, reader, self._marks.volumes(study.id).current)
        return self._done(f"{request.lesion}: taken back ({taken.words})", study, request.lesion)

    def _measured(self, request: Draw, volume: Volume, cell: Cell) -> Measurement:
        ends = [end for axis in request.axes_mm or () for end in axis]
        points = [*ends, *([request.click_mm] if request.click_mm else [])]
        require_inside([Lesion(cell.lesion_id, one, 1.0) for one in points], volume.grid, cell.study_id)
        if request.click_mm is not None:
            measured = replace(measure(volume, point_mm(request.click_mm)), check="")
        else:
            measured = measured_at(cell, volume, self._store.said(cell.study_id).get(cell.lesion_id))
        if request.axes_mm is None:
            return measured
        try:
            return with_axes(measured, *(in_a_slice(axis, volume.grid) for axis in request.axes_mm))
        except ValueError as error:
            raise InputError(f"{cell.lesion_id} in {cell.study_id}: {error}") from None

    def _cell(self, study: Study, lesion_id: str) -> Cell:
        cell = self._review.patient(study.patient_id).row(lesion_id).cells.get(study.id)
        if cell is None or not has_point(cell):
            raise InputError(f"{lesion_id} has no point in {study.id}: put one there, then measure it")
        return cell

    def _require_seen(self, study: Study, request: OnSize) -> None:
        """Refuse an answer to another point, or another size, than the one that counts now."""
        self._marks.records(study.id).require_seen(request.lesion, request.seen)
        size = self._measuring.of(study.id, request.lesion)
        if (size.version if size else "") != request.size:
            steps = self._store.steps(study.id, request.lesion)
            since = f"{steps[-1].words} at {steps[-1].when[:16].replace('T', ' ')} UTC" if steps else "it was measured"
            raise Changed(
                f"the size of {request.lesion} in {study.id} has changed since this page was loaded: {since}; look again"
            )

    def _done(self, words: str, study: Study, lesion_id: str) -> dict[str, Any]:
        """Return what was done; `size` is what an undo of it answers."""
        size = self._measuring.of(study.id, lesion_id)
        return {"done": words, "studies": [study.id], "size": size.version if size else ""}


def drawn_size_routes(drawn: DrawnSizes) -> APIRouter:
    """Return the routes."""
    router, json_only = APIRouter(tags=["Lesions"]), [Depends(require_json)]

    @router.get(addresses.OUTLINE)
    def outline(study: str, x: Mm, y: Mm, z: Mm) -> dict[str, Any]:
        found = drawn.outline(study, (x, y, z))
        return {**size_from(found).drawn(), "volume_ml": found.volume_ml}

    @router.post(addresses.SIZE, dependencies=json_only)
    def draw(body: Draw) -> dict[str, Any]:
        return drawn.draw(body, signed(body.reader))

    @router.post(addresses.SIZE_RESET, dependencies=json_only)
    def reset(body: OnSize) -> dict[str, Any]:
        return drawn.reset(body, signed(body.reader))

    @router.post(addresses.SIZE_UNDO, dependencies=json_only)
    def undo(body: OnSize) -> dict[str, Any]:
        return drawn.undo(body, signed(body.reader))

    return router
