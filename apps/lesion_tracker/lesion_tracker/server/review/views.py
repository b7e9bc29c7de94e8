"""What the pages show: all patients, a patient's lesions in a grid, or one lesion large."""

import numpy as np

from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.pages import page
from lesion_tracker.server.review.review import PatientReview, Review
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.volumes.grid import Grid


class Views:
    """Writes the pages.

    Args:
        review: what is known of patients' lesions.
        catalog: the studies.
        engine: reads their grids.
    """

    def __init__(self, review: Review, catalog: Catalog, engine: Engine) -> None:
        self._review, self._catalog, self._engine = review, catalog, engine

    def html(self, patient: str, lesion: str, study: str, login: str) -> str:
        """Return the page of a lesion in a study, of a patient, or of all patients.

        Args:
            patient: whose; "": all patients.
            lesion: which; "": all of the patient's.
            study: in which; "": the first in which nobody has looked at the lesion.
            login: who has logged in, "" on a server without log-in.

        Raises:
            NotFound: for an unknown patient or lesion.
        """
        if not patient:
            patients, unknown = self._review.patients()
            problems = self._catalog.problems()
            shown = {"patients": patients, "unknown": unknown, "problems": problems}
            return page("patients.html", **shown, title="Patients", login=login)
        known = self._review.patient(patient)
        if not lesion:
            return page("patient.html", review=known, title=f"Lesions of {patient}", login=login)
        return self._large(known, lesion, study, login)

    def _large(self, known: PatientReview, lesion: str, study: str, login: str) -> str:
        row = known.row(lesion)
        names = [one.id for one in known.studies]
        if study not in names:
            study = next((name for name in names if name in row.cells and row.cells[name].is_open), list(row.cells)[-1])
        cell = row.cells.get(study)
        before = [name for name in names[: names.index(study)] if name in row.cells]
        source = cell.track.baseline_study if cell and cell.track else ""
        baseline = row.cells.get(source) or (row.cells[before[-1]] if before else None)
        shown = {study, *((baseline.study_id,) if baseline else ())}
        open_cells = [(r.lesion_id, n) for r in known.rows for n in names if n in r.cells and r.cells[n].is_open]
        return page(
            "detail.html",
            review=known,
            row=row,
            study=next(one for one in known.studies if one.id == study),
            cell=cell,
            baseline=baseline,
            baseline_study=next((one for one in known.studies if baseline and one.id == baseline.study_id), None),
            start=cell or baseline or next(iter(row.cells.values())),
            spacing={name: spacing_of(self._engine.volume(self._catalog.study(name)).grid) for name in shown},
            following=_following(open_cells, lesion, study),
            title=f"{row.label} of {known.patient_id}",
            login=login,
        )


def _following(open_cells: list[tuple[str, str]], lesion: str, study: str) -> tuple[str, str] | None:
    """Return the next lesion and study that nobody has looked at."""
    others = [cell for cell in open_cells if cell != (lesion, study)]
    if (lesion, study) in open_cells:
        place = open_cells.index((lesion, study))
        others = open_cells[place + 1 :] + open_cells[:place]
    return others[0] if others else None


def spacing_of(grid: Grid) -> tuple[float, float, float]:
    """Return how far neighbouring voxels lie apart along x, y and z of the patient, mm (of tilted grids roughly)."""
    along = np.abs(grid.direction)
    x, y, z = (float(grid.spacing_mm[int(np.argmax(along[axis]))]) for axis in range(3))
    return x, y, z
