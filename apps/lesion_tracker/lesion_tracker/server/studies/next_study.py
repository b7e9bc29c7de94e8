"""The strategy next_study: what a reader opens next, patient by patient, in the order of time."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from lesion_tracker.errors import NotFound
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import order_or_guess

logger = logging.getLogger(__name__)

MOST_PROBLEMS = 5
"""So many are said where no study can be read."""


class NextStudy(Strategy):
    """A patient's earliest study until it is marked, then its later studies until they are tracked.

    Args:
        catalog: the studies.
        marks: says which studies are marked and tracked.
        problem: says why a study cannot be read, "" where it can.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, problem: Callable[[Study], str] = lambda _: "") -> None:
        super().__init__("Earliest unmarked study of a patient, then its untracked follow-ups in the order of time")
        self._catalog, self._marks, self._problem = catalog, marks, problem

    def __call__(self, request: Mapping[str, Any], datastore: Any) -> dict[str, Any]:
        """Return {"id": …} of the next study, or {} when everything is tracked.

        Raises:
            NotFound: for an empty datastore.
            FileFormatError: if there are studies, but their list (studies.csv) is malformed.
        """
        studies = self._catalog.studies()
        if not studies:
            for study_id in self._catalog.ids()[:1]:
                self._catalog.study(study_id)  # says why no study can be read
            problems = self._catalog.problems()
            if problems:
                raise NotFound(f"the datastore holds no study that can be read: {'; '.join(problems[:MOST_PROBLEMS])}")
            raise NotFound("the datastore holds no study yet: upload one, or put files into its folder")
        marked, tracked = self._marks.studies("lesions"), self._marks.studies("tracks")
        damaged = self._marks.damaged()
        patients: dict[str, list[Study]] = {}
        for study in studies:
            patients.setdefault(study.patient_id or f"unknown: {study.id}", []).append(study)
        for patient in sorted(patients):
            if any(study.id in damaged for study in patients[patient]):
                continue  # what is marked there is not known until a file is mended
            study_id = self._readable(patients[patient], marked, tracked)
            if study_id:
                return {"id": study_id}
        return {}

    def _readable(self, studies: list[Study], marked: set[str], tracked: set[str]) -> str:
        """Return the id of a patient's next study that can be read, or ""; the others would be offered for ever."""
        left = {study.id: study for study in studies}
        while study_id := next_of_patient(list(left.values()), marked, tracked) if left else "":
            study = left.pop(study_id)
            problem = self._problem(study)
            if not problem:
                return study_id
            logger.warning("next_study passes over %s: %s", study_id, problem)
        return ""


def next_of_patient(studies: Sequence[Study], marked: set[str], tracked: set[str]) -> str:
    """Return the id of a patient's next study, or "".

    Where the order of time cannot be decided, dates and ids take its place.
    """
    ordered, _ = order_or_guess(studies)
    first_marked = next((n for n, study in enumerate(ordered) if study.id in marked), None)
    if first_marked is None:
        return ordered[0].id
    return next((study.id for study in ordered[first_marked + 1 :] if study.id not in tracked), "")
