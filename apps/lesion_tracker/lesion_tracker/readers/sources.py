"""Which lesions of which earlier series a follow-up is tracked from; points pass between series only in one frame.

Each lesion is tracked from the newest earlier study in which a reader has put its point.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from lesion_tracker.errors import InputError, StudyError, StudyOrderError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import natural_order
from lesion_tracker.records.derived import SAME_FRAME, passed_on
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import earlier_studies

Contains = Callable[[Study, Lesion], bool]


@dataclass(frozen=True)
class Source:
    """Lesions and the series that they are tracked from.

    Args:
        study: the series.
        lesions: centres in LPS mm of it.
        notes: what a reader should know of the choice.
    """

    study: Study
    lesions: list[Lesion]
    notes: list[str] = field(default_factory=list)

    def only(self, wanted: Callable[[Lesion], bool]) -> "Source":
        """Return the source with those of its lesions that are wanted."""
        return replace(self, lesions=[lesion for lesion in self.lesions if wanted(lesion)])


def sources_of(
    catalog: Catalog, marks: MarkStore, followup: Study, named: str, given: Sequence[Lesion], contains: Contains
) -> list[Source]:
    """Return what a follow-up is tracked from, the newest study first.

    Args:
        catalog: the studies.
        marks: what is marked.
        followup: the study that is open.
        named: `baseline_image` of the request, or "".
        given: lesions of the request; they belong to the baseline.
        contains: says whether a lesion lies inside a series.

    Raises:
        InputError: if there is nothing to track from; the text says what to do.
    """
    if named:
        baseline = catalog.study(named)
        require_pair(baseline, followup)
        own = list(given) or marks.lesions(baseline.id)
        return [Source(baseline, own)] if own else [_from_siblings(catalog, marks, baseline, followup, contains)]
    if given:
        return [Source(catalog.baseline_of(followup, lambda name: True), list(given))]
    try:
        groups = _by_baseline(catalog, marks, followup)
    except StudyOrderError:
        marked = marks.studies("lesions")
        own_study = [other for other in catalog.siblings(followup) if other.id in marked and not catalog.is_gone(other)]
        if not own_study:
            raise
        groups = [(own_study[-1], marks.lesions(own_study[-1].id))]
    return [_still_there(catalog, study, lesions, contains) for study, lesions in groups]


def passed_on_from(source: Source, followup: Study, contains: Contains) -> list[Track]:
    """Return the lesions of one series as they are in another series of the same study and frame of reference."""
    return [passed_on(lesion, source.study.id, followup.id, contains(followup, lesion)) for lesion in source.lesions]


def same_place(catalog: Catalog, one: Study, other: Study) -> bool:
    """Say whether points of one series are points of the other: the same study and the same frame of reference."""
    if not one.study_uid or one.study_uid != other.study_uid:
        return False
    frame = catalog.frame_of(one)
    return bool(frame) and frame == catalog.frame_of(other)


def require_pair(baseline: Study, followup: Study) -> None:
    """Refuse a pair of one study with itself, or of two patients.

    Raises:
        InputError: with both.
    """
    if baseline.id == followup.id:
        raise InputError(f"baseline_image and image are the same study, {followup.id!r}")
    if baseline.patient_id and followup.patient_id and baseline.patient_id != followup.patient_id:
        raise InputError(
            f"baseline_image {baseline.id!r} is of patient {baseline.patient_id!r}, but {followup.id!r} is of patient "
            f"{followup.patient_id!r}"
        )


def _by_baseline(catalog: Catalog, marks: MarkStore, followup: Study) -> list[tuple[Study, list[Lesion]]]:
    """Return the earlier studies that lesions are tracked from, the newest first, each with its lesions.

    A lesion that was corrected or accepted in the second study is tracked from there into the third one; a lesion that
    has a point only in the first study is tracked from the first.

    Raises:
        StudyOrderError: if there is no earlier study with lesions, or the order cannot be decided.
    """
    marked = marks.studies("lesions")
    known = [*catalog.of_patient(followup.patient_id), *catalog.gone(followup)]
    candidates = [study for study in known if study.id != followup.id and study.id in marked]
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


def _from_siblings(catalog: Catalog, marks: MarkStore, baseline: Study, followup: Study, contains: Contains) -> Source:
    """Return the marks of other series of a named baseline's study, where their points are points of it."""
    marked = marks.studies("lesions")
    others = [other for other in catalog.siblings(baseline) if other.id in marked and other.id != followup.id]
    passing = [other for other in others if same_place(catalog, other, baseline)]
    lesions = {lesion.id: lesion for other in passing for lesion in marks.lesions(other.id)}
    inside = [replace(lesion, study_id=baseline.id) for lesion in lesions.values() if contains(baseline, lesion)]
    if inside:
        names = ", ".join(other.id for other in passing)
        return Source(baseline, inside, [f"the lesions were marked in {names} of the same study ({SAME_FRAME})"])
    hint = f"; marked are {', '.join(other.id for other in others)} of the same study" if others else ""
    raise InputError(f"nothing is marked in {baseline.describe()}: mark its lesions first (mark_lesion){hint}")


def _still_there(catalog: Catalog, study: Study, lesions: list[Lesion], contains: Contains) -> Source:
    """Return a source, in another series of the same study if the marked one is gone.

    Raises:
        StudyError: if the points cannot pass to what is left of the study.
    """
    if not catalog.is_gone(study):
        return Source(study, lesions)
    other, note = catalog.replacement(study)
    if same_place(catalog, study, other) and all(contains(other, lesion) for lesion in lesions):
        return Source(other, [replace(lesion, study_id=other.id) for lesion in lesions], [note])
    if catalog.has_files(study):
        fact = f"the marked series {study.id} is no longer on the PACS; its copy in the cache was registered"
        return Source(study, lesions, [f"{fact}, because series {other.id} has another frame of reference"])
    raise StudyError(
        f"{', '.join(lesion.id for lesion in lesions)}: marked in series {study.id}, which is gone, and the points cannot "
        f"pass to series {other.id} of the same study: another frame of reference, or outside of it. Mark them there"
    )
