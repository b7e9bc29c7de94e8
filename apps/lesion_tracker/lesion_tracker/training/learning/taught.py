"""What readers taught: corrections and accepted tracks, each with the lesion's place in both studies."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.correction import Correction, Verdict
from lesion_tracker.records.lesion import Lesion


@dataclass(frozen=True)
class TaughtLesion:
    """A lesion that a reader marked in the baseline and placed, or accepted, in the follow-up; LPS mm.

    Args:
        patient: whose; what one patient taught is never split. All of unknown patients count as one patient ("").
        baseline: id of the earlier study.
        followup: id of the later study.
        lesion_id: of the lesion.
        baseline_mm: where it is marked.
        radius_mm: there.
        followup_mm: where the reader put it.
        followup_radius_mm: there, as expected.
        expected_mm: where registration had put it.
        verdict: "corrected" or "accepted".
    """

    patient: str
    baseline: str
    followup: str
    lesion_id: str
    baseline_mm: tuple[float, float, float]
    radius_mm: float
    followup_mm: tuple[float, float, float]
    followup_radius_mm: float
    expected_mm: tuple[float, float, float]
    verdict: Verdict


def collect_taught(
    marks: MarkStore, patient_of: Callable[[str], str | None], studies: Iterable[str] | None = None
) -> tuple[list[TaughtLesion], list[str]]:
    """Read what readers corrected and accepted.

    Args:
        marks: the store.
        patient_of: the patient of a study id ("" where unknown), or None where the study is not there any more.
        studies: follow-ups to read; default all that have corrections.

    Returns:
        The lesions in the order of their studies' ids, and a sentence for each correction that teaches nothing.
    """
    taught, left_out = [], []
    for followup in sorted(marks.studies("corrections") if studies is None else studies):
        for correction in marks.corrections(followup):
            marked = {lesion.id: lesion for lesion in marks.lesions(correction.track.baseline_study)}
            found = _taught(followup, correction, marked.get(correction.track.lesion_id), patient_of)
            if isinstance(found, TaughtLesion):
                taught.append(found)
            else:
                left_out.append(found)
    return taught, left_out


def _taught(
    followup: str, correction: Correction, marked: Lesion | None, patient_of: Callable[[str], str | None]
) -> TaughtLesion | str:
    track = correction.track
    patient = patient_of(followup)
    what = f"{track.lesion_id} in {followup!r}"
    if patient is None or patient_of(track.baseline_study) is None:
        return f"{what}: its studies are not both there any more"
    if marked is None:
        return f"{what}: it is not marked in its baseline {track.baseline_study!r}"
    return TaughtLesion(
        patient=patient,
        baseline=track.baseline_study,
        followup=followup,
        lesion_id=track.lesion_id,
        baseline_mm=marked.center_mm,
        radius_mm=float(marked.radius_mm),
        followup_mm=correction.center_mm,
        followup_radius_mm=float(track.expected_radius_mm),
        expected_mm=track.expected_mm,
        verdict=correction.verdict,
    )
