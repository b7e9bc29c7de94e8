"""Sizes on the review page: what is known of them, and the job that measures where a reader asks for it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from lesion_tracker.errors import InputError, LesionTrackerError
from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.cell_size import Size, Sizes, measured_at, size_of, slice_distance_mm, wants_measuring
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import Row, cells_of, rows_of
from lesion_tracker.readers.size_store import Kept, SizeStore
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.jobs import Job, TrackJobs, said
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import order_or_guess


@dataclass(frozen=True)
class KnownSizes:
    """What is known of the sizes of a patient's lesions.

    Args:
        sizes: by study and lesion id.
        unmeasured: points at which nobody has asked for axes and outline: study and lesion id.
        slices_mm: distance of the slices of a study, where something was measured in it at a reader's request.
    """

    sizes: Sizes
    unmeasured: tuple[tuple[str, str], ...]
    slices_mm: dict[str, float]


class Measuring:
    """Knows the sizes of lesions, and measures.

    Args:
        catalog: the studies.
        marks: where lesions are, and what was measured of them.
        engine: reads volumes.
        bound: keeps points to the volumes that they were set on.
    """

    store: SizeStore

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine, bound: BoundMarks) -> None:
        self._catalog, self._marks, self._engine, self._bound = catalog, marks, engine, bound
        self.store = SizeStore(marks)

    def of(self, study_id: str, lesion_id: str) -> Size | None:
        """Return what is known of one lesion's size in one study."""
        study = self._catalog.study(study_id)
        cells = cells_of(study.id, self._marks.records(study.id))
        cell = next((one for one in cells if one.lesion_id == lesion_id), None)
        if cell is None:
            return None
        return size_of(cell, self.store.of_study(study.id).get(lesion_id), self.store.said(study.id).get(lesion_id))

    def known(self, patient_id: str) -> KnownSizes:
        """Return what is known of a patient's."""
        return self.of_rows(*self._rows(patient_id))

    def of_rows(self, studies: Sequence[Study], rows: Sequence[Row]) -> KnownSizes:
        """Return what is known of some of a patient's lesions.

        Args:
            studies: of the patient, earliest first.
            rows: the lesions.
        """
        sizes: dict[tuple[str, str], Size] = {}
        unmeasured: list[tuple[str, str]] = []
        slices_mm: dict[str, float] = {}
        for study, cells in _by_study(studies, rows):
            kept, drawn = self.store.of_study(study.id), self.store.said(study.id)
            asked = [one.slice_mm for one in (*kept.values(), *drawn.values())]
            slices_mm |= dict.fromkeys([study.id] if asked else [], max(asked, default=0))
            for cell in cells:
                known = kept.get(cell.lesion_id), drawn.get(cell.lesion_id)
                size = size_of(cell, *known)
                if size is not None:
                    sizes[study.id, cell.lesion_id] = size
                if wants_measuring(cell, *known):
                    unmeasured.append((study.id, cell.lesion_id))
        return KnownSizes(sizes, tuple(unmeasured), slices_mm)

    def start(self, jobs: TrackJobs, patient_id: str, lesion_ids: Sequence[str] = ()) -> Job:
        """Measure where a patient's lesions have a point and nobody has measured; half a second each.

        Args:
            jobs: where it waits for its turn; one job is done after the other.
            patient_id: whose.
            lesion_ids: only these; all without.

        Raises:
            InputError: where nothing is left to measure.
        """
        wanted = []
        for study, cells in _by_study(*self._rows(patient_id)):
            kept, drawn = self.store.of_study(study.id), self.store.said(study.id)
            open_ = [one for one in cells if wants_measuring(one, kept.get(one.lesion_id), drawn.get(one.lesion_id))]
            chosen = [one for one in open_ if not lesion_ids or one.lesion_id in lesion_ids]
            wanted += [(study, chosen)] if chosen else []
        asked = (patient_id, "", frozenset(lesion_ids), "measure")
        job = Job(uuid.uuid4().hex, patient_id, len(wanted), asked, what="measured")
        if not wanted:
            raise InputError(f"patient {patient_id!r} has no point that is not measured: there is nothing to do")
        return jobs.submit(job, lambda: self._run(job, wanted))

    def _rows(self, patient_id: str) -> tuple[list[Study], list[Row]]:
        studies, _ = order_or_guess(self._catalog.of_patient(patient_id))
        records = {study.id: self._marks.records(study.id) for study in studies}
        return studies, rows_of([study.id for study in studies], records)

    def _run(self, job: Job, wanted: Sequence[tuple[Study, Sequence[Cell]]]) -> None:
        for study, cells in wanted:
            job.current = study.id
            said(job, study, lambda study=study, cells=cells: self._measure(job, study, cells))  # type: ignore[misc] # mypy infers no default's type
            job.done += 1
        job.current = ""

    def _measure(self, job: Job, study: Study, cells: Sequence[Cell]) -> None:
        volume, on = self._engine.stamped(study)
        self._bound.before_marking(study, on)
        slice_mm, kept = slice_distance_mm(volume.grid), []
        for cell in cells:
            try:
                measured = measured_at(cell, volume)
            except LesionTrackerError as error:
                job.messages.append(f"{cell.lesion_id} in {study.id}: {error}")
                continue
            kept.append(Kept(measured, cell.center_mm or measured.center_mm, slice_mm, on))
        self.store.add(study.id, kept)
        self._bound.remember(study, volume, on)
        job.tracked += len(kept)


def _by_study(studies: Sequence[Study], rows: Sequence[Row]) -> list[tuple[Study, list[Cell]]]:
    return [(study, [row.cells[study.id] for row in rows if study.id in row.cells]) for study in studies]
