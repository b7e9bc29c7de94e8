"""What the pages show: all patients, a patient's lesions in a grid, or one lesion large."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.fate_lines import FateStep
from lesion_tracker.readers.fate_store import traits_said
from lesion_tracker.readers.patient_table import Row
from lesion_tracker.readers.size_store import SizeStep, SizeStore
from lesion_tracker.records.said import SaidTraits
from lesion_tracker.records.state import states_json
from lesion_tracker.report.planes import PLANES
from lesion_tracker.server.review.links import version
from lesion_tracker.server.review.measuring import KnownSizes, Measuring
from lesion_tracker.server.review.pages import WINDOW_NUMBERS, page, page_in_parts
from lesion_tracker.server.review.patient_review import PatientReview
from lesion_tracker.server.review.review import Review
from lesion_tracker.studies.catalog import Catalog


class Views:
    """Writes the pages.

    Args:
        review: what is known of patients' lesions.
        catalog: the studies.
        measuring: knows the sizes of lesions.
    """

    def __init__(self, review: Review, catalog: Catalog, measuring: Measuring) -> None:
        self._review, self._catalog, self._measuring = review, catalog, measuring

    def html(self, patient: str, lesion: str, study: str, against: str, login: str) -> Iterable[str]:
        """Return the page of a lesion in a study, of a patient, or of all patients.

        Args:
            patient: whose; "": all patients.
            lesion: which; "": all of the patient's, or with a study a new one, to be marked there.
            study: in which; "": the first in which nobody has looked at the lesion.
            against: the study beside it; "": the one that it was tracked from.
            login: who has logged in, "" on a server without log-in.

        Raises:
            NotFound: for an unknown patient or lesion.
        """
        if not patient:
            patients, unknown = self._review.patients()
            problems = self._catalog.problems()
            shown = {"patients": patients, "unknown": unknown, "problems": problems}
            return [page("patients.html", **shown, title="Patients", login=login)]
        known = self._review.patient(patient)
        measured = self._measuring.of_rows(known.studies, known.rows)
        if not lesion and study not in [one.id for one in known.studies]:
            title = f"Lesions of {patient}"
            return page_in_parts("patient.html", review=known, measured=measured, title=title, login=login)
        row = known.row(lesion) if lesion else Row("", "a new lesion", {})
        return [page("large.html", **large(known, measured, row, study, against, self._measuring.store), login=login)]

    def row(self, patient: str, lesion: str) -> str:
        """Return one row of a patient's grid, and what is left to look at, as they are now.

        Raises:
            NotFound: for an unknown patient or lesion.
        """
        known = self._review.patient(patient)
        row = known.row(lesion)
        measured = self._measuring.of_rows(known.studies, [row])
        return page("one_row.html", review=known, measured=measured, row=row)


def changes(known: PatientReview, measured: KnownSizes) -> str:
    """Return what is different once anything on a patient's page is."""
    rows = [
        (row.lesion_id, row.label, [version_of(known, measured, row, study.id) for study in known.studies])
        for row in known.rows
    ]
    traits = traits_said(known.fates.values())
    facts = repr((rows, known.deleted, [study.id for study in known.studies], measured, traits))
    return hashlib.blake2s(facts.encode(errors="replace"), digest_size=8).hexdigest()


def version_of(known: PatientReview, measured: KnownSizes, row: Row, study_id: str) -> str:
    """Return what is different once a cell looks different, or stands for something else that was said."""
    cell = row.cells.get(study_id)
    return (version(cell, measured.sizes.get((study_id, row.lesion_id))) if cell else "") + known.records[
        study_id
    ].seen(row.lesion_id)


def large(
    known: PatientReview, measured: KnownSizes, row: Row, study: str, against: str, sizes: SizeStore
) -> dict[str, Any]:
    """Return what the large view shows, as values of its template.

    Args:
        known: the patient.
        measured: sizes of the patient's lesions.
        row: the lesion; one without an id is still to be marked.
        study: in which it is looked at; "" or an unknown one: the first open one, else the last.
        against: the study beside it; "" or an unknown one: where it was tracked from, else the nearest with a point.
        sizes: knows what readers did to them.
    """
    names = [one.id for one in known.studies]
    if study not in names:
        study = next((name for name, cell in row.cells.items() if cell.is_open), list(row.cells)[-1])
    cell = row.cells.get(study)
    beside = row.cells.get(against if against != study else "") or _start(row, cell, study, names)
    if beside is not None and beside.center_mm is None:
        beside = None
    ids = [other.lesion_id for other in known.rows]
    place, column = (ids.index(row.lesion_id) if row.lesion_id else len(ids)), names.index(study)
    following = _following(known, row.lesion_id, study)
    return {
        "review": known,
        "measured": measured,
        "row": row,
        "study": known.studies[column],
        "cell": cell,
        "beside": beside,
        "beside_study": next((one for one in known.studies if beside and one.id == beside.study_id), None),
        "following": following,
        "neighbours": {
            "lesion_before": (ids[place - 1], study) if place else None,
            "lesion_after": (ids[place + 1], study) if place + 1 < len(ids) else None,
            "study_before": (row.lesion_id, names[column - 1]) if column else None,
            "study_after": (row.lesion_id, names[column + 1]) if column + 1 < len(names) else None,
        },
        "data": {
            "lesion": row.lesion_id,
            "study": study,
            "earlier": bool(beside) and names.index(beside.study_id) < column if beside else False,
            "panes": {
                "beside": beside and _pane(beside, measured),
                "study": _pane(cell, measured) if cell else {"study": study},
            },
            "states": states_json(),
            "windows": WINDOW_NUMBERS,
            "planes": {
                plane.name: {"right": plane.right, "down": plane.down, "letters": plane.letters} for plane in PLANES
            },
            "next": _block_of(known, measured, following),
            "studies": names,
            "version": version_of(known, measured, row, study),
            "seen": known.records[study].seen(row.lesion_id),
            "action": "fate" if cell and cell.fate_is_last else known.records[study].action(row.lesion_id),
            "size_undo": sizes.has_undo(study, row.lesion_id),
        },
        "steps": known.records[study].steps(row.lesion_id),
        "said_steps": _said(known, study, row.lesion_id, sizes.steps(study, row.lesion_id)),
        "title": f"{row.label} of {known.patient_id}",
    }


def _said(known: PatientReview, study: str, lesion: str, sizes: Sequence[SizeStep]) -> list[SizeStep | FateStep]:
    """Return what readers said beside points, oldest first: of the size, what became of it, and in all studies what it is."""
    every = [(name, step) for name, fates in known.fates.items() for step in fates.steps.get(lesion, ())]
    said = [step for name, step in every if name == study or isinstance(step.said, SaidTraits)]
    return sorted([*sizes, *said], key=lambda step: step.when)


def _start(row: Row, cell: Cell | None, study: str, names: list[str]) -> Cell | None:
    """Return the cell that is shown beside one: where it was tracked from, else the nearest earlier, else later point."""
    source = row.cells.get(cell.track.baseline_study) if cell and cell.track else None
    if source is not None and source.center_mm is not None:
        return source
    pointed = [other for name, other in row.cells.items() if other.center_mm is not None and name != study]
    earlier = [other for other in pointed if names.index(other.study_id) < names.index(study)]
    return earlier[-1] if earlier else pointed[0] if pointed else None


def _pane(cell: Cell, measured: KnownSizes) -> dict[str, Any]:
    track = cell.track
    moved_from = track.center_mm if track is not None and track.has_point and cell.has_answer else None
    size = measured.sizes.get((cell.study_id, cell.lesion_id))
    return {
        "study": cell.study_id,
        "point": cell.center_mm,
        "color": cell.color,
        "radius": cell.radius_mm,
        "track": track.created_at if track else "",
        "tracked": moved_from,
        "is_open": cell.is_open,
        "can_accept": cell.can_accept,
        "can_agree": cell.can_agree,
        "size": size.drawn() if size else None,
    }


def _following(known: PatientReview, lesion: str, study: str) -> tuple[str, str] | None:
    """Return the next lesion and study that nobody has looked at, in the order of the grid."""
    here = (lesion, study)
    every = [(r.lesion_id, one.id) for r in known.rows for one in known.studies]
    place = every.index(here) if lesion else len(every)
    after = every[place + 1 :] + every[:place]
    is_open = {(r.lesion_id, name) for r in known.rows for name, cell in r.cells.items() if cell.is_open}
    return next((cell for cell in after if cell in is_open), None)


def _block_of(known: PatientReview, measured: KnownSizes, following: tuple[str, str] | None) -> dict[str, Any] | None:
    """Return what the next page will ask for first, so that it can be fetched ahead."""
    cell = known.row(following[0]).cells[following[1]] if following else None
    return _pane(cell, measured) if cell and cell.center_mm else None
