"""A patient's results: one lesion in one study, a study, and the patient with the response that follows."""

from dataclasses import dataclass
from functools import cached_property

from lesion_tracker.readers.cell_size import Size
from lesion_tracker.records.followed import Followed, Seen
from lesion_tracker.records.json_record import Point
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.records.track import Track
from lesion_tracker.response.assessment import Assessment
from lesion_tracker.studies.study import Study


@dataclass(frozen=True)
class LesionResult:
    """What is known of one lesion in one study.

    Args:
        lesion: through all studies.
        seen: what became of it here, with its axes.
        place_mm: its point, or where it is expected; LPS mm of the study. None where neither is known.
        measured: or None; where only what is stored was asked for, always None.
        size: both axes as they are shown, or None.
        words: why there is nothing measured, or what a reader should know; "" where all is well.
        by: who said so, and when, in words; "" where nobody has.
        track: what the tracker alone says of it here; None where a reader has answered, or the points before it changed.
        track_model: name and sha256 of the weights that found it here; "" where none did.
    """

    lesion: Followed
    seen: Seen
    place_mm: Point | None = None
    measured: Measurement | None = None
    size: Size | None = None
    words: str = ""
    by: str = ""
    track: Track | None = None
    track_model: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class StudyResult:
    """What is known in one study.

    Args:
        study: the study.
        lesions: in the order of their ids.
        slice_mm: distance of its axial slices; None where it could not be read.
        problem: why it could not be read, or "".
    """

    study: Study
    lesions: tuple[LesionResult, ...]
    slice_mm: float | None = None
    problem: str = ""

    def of(self, lesion_id: str) -> LesionResult | None:
        """Return what is known of one lesion."""
        return self._by_id.get(lesion_id)

    @cached_property
    def _by_id(self) -> dict[str, LesionResult]:
        return {one.lesion.id: one for one in self.lesions}


@dataclass(frozen=True)
class PatientResult:
    """A patient.

    Args:
        patient_id: who.
        lesions: in the order of their ids.
        studies: earliest first.
        response: by RECIST 1.1, one a study; none where nobody has named a target or non-target.
        warnings: what a reader should know of the whole.
    """

    patient_id: str
    lesions: tuple[Followed, ...]
    studies: tuple[StudyResult, ...]
    response: tuple[Assessment, ...] = ()
    warnings: tuple[str, ...] = ()

    def change_mm(self, lesion_id: str, study_id: str) -> float | None:
        """Return by how much a lesion's long axis is longer than in the last study before in which it was measured."""
        lengths: list[float] = []
        for one in self.studies:
            found = one.of(lesion_id)
            length = found.seen.long_axis_mm if found else None
            if one.study.id == study_id:
                return length - lengths[-1] if length is not None and lengths else None
            lengths += [] if length is None else [float(length)]
        return None
