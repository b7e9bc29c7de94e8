"""Where each lesion of a follow-up is tracked from: the newest earlier study in which a reader has put its point."""

from collections.abc import Sequence

from lesion_tracker.errors import StudyOrderError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import natural_order
from lesion_tracker.records.track import Lesion
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import earlier_studies, order_studies


def lesions_by_baseline(catalog: Catalog, marks: MarkStore, followup: Study) -> list[tuple[Study, list[Lesion]]]:
    """Return the earlier studies that lesions are tracked from, the newest first, each with its lesions.

    A lesion that was corrected or accepted in the second study is tracked from there into the third one; a lesion that
    has a point only in the first study is tracked from the first.

    Raises:
        StudyOrderError: if there is no earlier study with lesions, or the order cannot be decided.
    """
    marked = marks.studies("lesions")
    known = [*catalog.of_patient(followup.patient_id), *catalog.gone(followup)]
    others = [study for study in known if study.id != followup.id]
    candidates = [study for study in others if study.id in marked]
    earlier = earlier_studies(followup, candidates) if candidates else []
    if not earlier:
        baseline = catalog.baseline_of(followup, lambda name: name in marked)  # says what is missing
        return [(baseline, marks.lesions(baseline.id))]
    taken: set[str] = set()
    groups = []
    for study in reversed(earlier):
        lesions = [lesion for lesion in marks.lesions(study.id) if lesion.id not in taken]
        taken |= {lesion.id for lesion in lesions}
        if lesions:
            groups.append((study, sorted(lesions, key=lambda lesion: natural_order(lesion.id))))
    return groups


def ordered(studies: Sequence[Study]) -> tuple[list[Study], str]:
    """Return a patient's studies, earliest first, and why that order is only a guess ("" where it is not)."""
    try:
        return order_studies(studies), ""
    except StudyOrderError as error:
        return sorted(studies, key=lambda study: (study.study_date, study.study_time, study.id)), str(error)
