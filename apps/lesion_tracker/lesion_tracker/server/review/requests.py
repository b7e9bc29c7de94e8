"""What the review page sends: one small JSON object a click, checked before anything happens."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from lesion_tracker.records.state import shown

Name = Annotated[str, Field(min_length=1, max_length=256)]
Reader = Annotated[str, Field(max_length=64)]
PointOfThree = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: Reader = ""


class Accept(_Request):
    """A reader finds a tracked point right.

    Args:
        reader: who; on a server with log-in the log-in counts.
        study: the follow-up.
        lesion: the lesion.
        track: `created_at` of the track that the reader saw.
    """

    study: Name
    lesion: Name
    track: Annotated[str, Field(max_length=64)]


class Move(_Request):
    """A reader puts a lesion's point somewhere: corrects a track, moves a mark, or marks it in a further study.

    Args:
        reader: who.
        study: where.
        lesion: the lesion.
        center_mm: LPS mm of the study.
        track: `created_at` of the track that the reader saw, "" where there was none.
    """

    study: Name
    lesion: Name
    center_mm: PointOfThree
    track: Annotated[str, Field(max_length=64)] = ""


class OnLesion(_Request):
    """A reader undoes, deletes or restores.

    Args:
        reader: who.
        patient: whose lesion.
        lesion: the lesion.
        studies: in which studies; none: in all of the patient's.
    """

    patient: Name
    lesion: Name
    studies: tuple[Name, ...] = ()


class Rename(OnLesion):
    """A reader gives a lesion another name in all studies.

    Args:
        label: the new name.
    """

    label: Annotated[str, Field(max_length=200)]


class TrackAll(_Request):
    """A reader asks for a patient's lesions in all later studies.

    Args:
        patient: whose.
        baseline: from which study; "": each lesion from the newest earlier study with its point.
        lesions: only these; all without.
    """

    patient: Name
    baseline: Annotated[str, Field(max_length=256)] = ""
    lesions: tuple[Name, ...] = ()


Plane = Literal["axial", "coronal", "sagittal", "all"]
WindowName = Literal["auto", "lung", "soft", "bone"]
Color = Annotated[str, AfterValidator(shown)]
