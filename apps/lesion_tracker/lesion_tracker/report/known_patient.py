"""How results are made of what is stored of a patient: axes of each lesion in each study, and the response that follows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lesion_tracker.errors import LesionTrackerError, PacsError, StudyError
from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.cell_size import Size, Sizes, has_point, measured_at, size_from, slice_distance_mm
from lesion_tracker.readers.fate_store import StudyFates
from lesion_tracker.readers.lesion_graph import LesionGraph, lesion_graph
from lesion_tracker.readers.patient_table import Row, rows_of
from lesion_tracker.readers.said_cells import with_fates
from lesion_tracker.readers.size_store import Kept
from lesion_tracker.readers.study_records import StudyRecords
from lesion_tracker.records.fate import FATES, TOO_SMALL
from lesion_tracker.records.followed import Followed, Seen
from lesion_tracker.records.json_record import Point
from lesion_tracker.records.track import Track
from lesion_tracker.report.patient_results import LesionResult, PatientResult, StudyResult
from lesion_tracker.response.assessment import Assessment
from lesion_tracker.response.of_graph import Axes, Measured, response_of
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.volume import Volume


@dataclass(frozen=True)
class KnownPatient:
    """What is stored of a patient.

    Args:
        patient_id: who.
        studies: earliest first.
        records: marks, tracks and answers, by study.
        fates: what became of the lesions, by study.
        drawn: sizes that readers drew, by study and lesion id; they count before what is measured.
    """

    patient_id: str
    studies: Sequence[Study]
    records: Mapping[str, StudyRecords]
    fates: Mapping[str, StudyFates]
    drawn: Mapping[str, Mapping[str, Kept]] = field(default_factory=dict)

    @property
    def rows(self) -> dict[str, Row]:
        """The lesions as rows, by id, with what readers said became of them."""
        rows = rows_of([study.id for study in self.studies], self.records)
        return {row.lesion_id: row for row in with_fates(rows, self.fates)}

    @property
    def graph(self) -> LesionGraph:
        """The lesions through all studies."""
        return lesion_graph([study.id for study in self.studies], self.records, self.fates)


def study_result(known: KnownPatient, study: Study, volume_of: Callable[[Study], Volume]) -> StudyResult:
    """Measure the lesions of one study; about half a second each.

    What a reader drew counts; a tracked point has the axes that were measured with it; the rest is measured here, likewise.

    Args:
        known: the patient.
        study: one of the studies.
        volume_of: reads a study; not asked where there is nothing to measure.
    """
    graph = known.graph
    rows = known.rows
    cells = {name: rows[name].cells.get(study.id) for name in graph.seen[study.id]}
    try:
        volume = volume_of(study) if any(map(_place_of, cells.values())) else None
        problem = ""
    except (StudyError, PacsError) as error:
        volume, problem = None, f"{study.id} cannot be read: {error}"
    drawn = known.drawn.get(study.id, {})
    found = [
        _result(graph.lesions[name], seen, cells[name], volume, problem, drawn.get(name))
        for name, seen in graph.seen[study.id].items()
    ]
    in_order = sorted(found, key=lambda one: list(graph.lesions).index(one.lesion.id))
    return StudyResult(study, tuple(in_order), slice_distance_mm(volume.grid) if volume else None, problem)


def stored_result(known: KnownPatient, sizes: Sizes, slices_mm: Mapping[str, float]) -> PatientResult:
    """Return what is stored of a patient, and the response that follows; nothing is measured.

    Args:
        known: the patient.
        sizes: by study and lesion.
        slices_mm: distance of the axial slices, by study; of one that is missing it is not known.
    """
    graph = known.graph
    rows = known.rows

    def result(name: str, study: str) -> LesionResult:
        cell = rows[name].cells.get(study)
        bare = LesionResult(
            graph.lesions[name], graph.seen[study][name], _place_of(cell), by=_by(cell), track=_track_alone(cell)
        )
        size = sizes.get((study, name))
        return bare if cell is None or size is None or not _is_measurable(cell, bare.seen) else _sized(bare, cell, size)

    studies = [
        StudyResult(
            one,
            tuple(result(name, one.id) for name in graph.lesions if name in graph.seen[one.id]),
            slices_mm.get(one.id),
        )
        for one in known.studies
    ]
    return _with_response(known, graph, studies)


def patient_result(known: KnownPatient, volume_of: Callable[[Study], Volume]) -> PatientResult:
    """Measure all lesions of a patient, and say what the response is.

    Args:
        known: the patient.
        volume_of: reads a study.
    """
    return _with_response(known, known.graph, [study_result(known, study, volume_of) for study in known.studies])


def _with_response(known: KnownPatient, graph: LesionGraph, studies: Sequence[StudyResult]) -> PatientResult:
    measured = {one.study.id: Measured(_axes(one), one.study.study_date, one.slice_mm) for one in studies}
    warnings = [one.problem for one in studies if one.problem]
    warnings += [
        f"another lesion bears the name {name} in {', '.join(where)}" for name, where in graph.conflicting.items()
    ]
    named = any(lesion.traits.role for lesion in graph.lesions.values())
    response: list[Assessment] = []
    if named:
        try:
            response = response_of(graph, measured)
        except ValueError as error:
            warnings.append(f"no response: {error}")
    elif graph.lesions:
        warnings.append("no response: nobody has named a target or a non-target")
    return PatientResult(
        known.patient_id, tuple(graph.lesions.values()), tuple(studies), tuple(response), tuple(warnings)
    )


def _axes(study: StudyResult) -> dict[str, Axes]:
    return {one.lesion.id: (one.seen.long_axis_mm, one.seen.short_axis_mm) for one in study.lesions}


def _place_of(cell: Cell | None) -> Point | None:
    """Return where a lesion is expected: its point, or where registration put it."""
    if cell is None:
        return None
    return cell.center_mm or (cell.track.expected_mm if cell.track else None)


def _track_alone(cell: Cell | None) -> Track | None:
    return cell.track if cell is not None and cell.kind == "tracked" and cell.is_open and not cell.outdated else None


def _result(
    lesion: Followed, seen: Seen, cell: Cell | None, volume: Volume | None, problem: str, drawn: Kept | None
) -> LesionResult:
    model = (cell.track.model or {}) if cell and cell.track else {}
    by = str(model.get("name", "")), str(model.get("sha256", ""))
    place = _place_of(cell)
    inside = place is not None and volume is not None and bool(volume.grid.contains(np.array([place]))[0])
    bare = LesionResult(
        lesion, seen, place if inside else None, words=problem, by=_by(cell), track=_track_alone(cell), track_model=by
    )
    if problem or cell is None or not _is_measurable(cell, seen):
        return bare
    if volume is None or not inside:
        return replace(bare, words="its point lies outside of the study's volume: it was not measured")
    try:
        measured = measured_at(cell, volume, drawn)
    except LesionTrackerError as error:
        return replace(bare, words=f"it could not be measured: {error}")
    return _sized(replace(bare, measured=measured), cell, size_from(measured))


def _is_measurable(cell: Cell, seen: Seen) -> bool:
    """Say whether a lesion has a point here, and is not said to have no true length."""
    return has_point(cell) and seen.fate != TOO_SMALL.name and FATES[seen.fate].has_place


def _sized(bare: LesionResult, cell: Cell, size: Size) -> LesionResult:
    now = replace(bare.seen, long_axis_mm=size.long_axis_mm, short_axis_mm=size.short_axis_mm or None)
    words = "; ".join(filter(None, (_state_in_words(cell), size.check)))
    return replace(bare, seen=now, size=size, words=words)


def _by(cell: Cell | None) -> str:
    if cell is None or cell.is_open:
        return ""
    when = cell.fate.said_at if cell.fate else cell.when
    return cell.words + (f", {when[:16].replace('T', ' ')} UTC" if when else "")


def _state_in_words(cell: Cell) -> str:
    return f"no reader has looked at it: {cell.state.words}" if cell.is_open else ""
