"""What the review page sends: one small JSON object a click, checked before anything happens."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

from lesion_tracker.records.state import CLOSINGS, shown

Name = Annotated[str, Field(min_length=1, max_length=256)]
"""Of what is there: it must be known."""

Direction = Literal["forwards", "backwards", "both"]
Reader = Annotated[str, Field(max_length=64)]
Stamp = Annotated[str, Field(max_length=64)]
"""What the server gave out and gets back."""

Flag = Annotated[bool, Strict()]
Coordinate = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A number; neither text that looks like one nor a truth value."""

PointOfThree = tuple[Coordinate, Coordinate, Coordinate]


def closing_named(name: str) -> str:
    """Return a name of `CLOSINGS`.

    Raises:
        ValueError: for any other.
    """
    if name not in CLOSINGS:
        raise ValueError(f"a lesion is closed as one of {', '.join(CLOSINGS)}, not as {name!r}")
    return name


class OneRequest(BaseModel):
    """What every request says: who sends it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reader: Reader = ""


class Accept(OneRequest):
    """A reader finds a tracked point right.

    Args:
        reader: who; on a server with log-in the log-in counts.
        study: the follow-up.
        lesion: the lesion.
        track: `created_at` of the track that the reader saw.
        seen: `StudyRecords.seen` of what the reader saw; a client that sends none is held to the track alone.
    """

    study: Name
    lesion: Name
    track: Stamp
    seen: Stamp | None = None


class Move(OneRequest):
    """A reader puts a lesion's point somewhere: corrects a track, moves a mark, or marks it in a further study.

    Args:
        reader: who.
        study: where.
        lesion: the lesion.
        center_mm: LPS mm of the study.
        track: `created_at` of the track that the reader saw, "" where there was none.
        seen: as in `Accept`.
    """

    study: Name
    lesion: Name
    center_mm: PointOfThree
    track: Stamp = ""
    seen: Stamp | None = None


class Close(OneRequest):
    """A reader closes a lesion in a study without a point.

    Args:
        reader: who.
        study: where.
        lesion: the lesion.
        closing: as what, one of `lesion_tracker.records.state.CLOSINGS`.
        track: `created_at` of the track that the reader saw, "" where there was none.
        seen: as in `Accept`.
    """

    study: Name
    lesion: Name
    closing: Annotated[str, AfterValidator(closing_named)]
    track: Stamp = ""
    seen: Stamp | None = None


class MarkNew(OneRequest):
    """A reader marks a lesion that the patient does not have yet, in any study.

    Args:
        reader: who.
        study: where.
        label: its name; "": the next free one.
        center_mm: LPS mm of the study.
    """

    study: Name
    label: Annotated[str, Field(max_length=200)] = ""
    center_mm: PointOfThree


class OnLesion(OneRequest):
    """A reader undoes, deletes or restores.

    Args:
        reader: who.
        patient: whose lesion.
        lesion: the lesion.
        studies: in which studies; none: in all of the patient's.
        seen: `StudyRecords.seen` of what the reader saw, by study; none: whatever is there.
    """

    patient: Name
    lesion: Name
    studies: tuple[Name, ...] = ()
    seen: dict[Name, Stamp] = Field(default_factory=dict)


class Undo(OneRequest):
    """A reader takes back what he did, or does again what he took back.

    Args:
        patient: whose lesion.
        lesion: the lesion.
        studies: in which studies; none: those of `actions`, or all of the patient's.
        actions: what is meant, by study, as the answer to it named it. A redo needs it; an undo without takes back the last.
    """

    patient: Name
    lesion: Name
    studies: tuple[Name, ...] = ()
    actions: dict[Name, Stamp] = Field(default_factory=dict)


class Rename(OnLesion):
    """A reader gives a lesion another name in all studies.

    Args:
        label: the new name.
    """

    label: Annotated[str, Field(max_length=200)]


class TrackAll(OneRequest):
    """A reader asks for a patient's lesions in all later studies.

    Args:
        patient: whose.
        baseline: from which study; "": each lesion from the newest earlier study with its point.
        lesions: only these; all without.
        direction: into the later studies, into those before the baseline, or into both.
        carry: what was marked in the baseline before its file held another volume, over to that volume; nothing else.
    """

    patient: Name
    baseline: Annotated[str, Field(max_length=256)] = ""
    lesions: tuple[Name, ...] = ()
    direction: Direction = "forwards"
    carry: Flag = False


class MeasureAll(OneRequest):
    """A reader asks for axes and outline wherever a patient's lesions have a point and nobody has measured there yet.

    Args:
        patient: whose.
        lesions: only these; all without.
    """

    patient: Name
    lesions: tuple[Name, ...] = ()


Plane = Literal["axial", "coronal", "sagittal", "all", "large", "tall"]
WindowName = Literal["auto", "lung", "soft", "bone"]
Color = Annotated[str, AfterValidator(shown)]
