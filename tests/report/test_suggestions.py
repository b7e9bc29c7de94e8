"""What the tracker alone says of lesions becomes a suggestion: gone, new, split; merged is read from outlines in all slices."""

from pathlib import Path
from typing import Any

import pytest

from lesion_tracker.readers.cell_size import Size
from lesion_tracker.records.derived import expected_track
from lesion_tracker.records.fate import GONE, PRESENT
from lesion_tracker.records.followed import Followed, Seen
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.measurement import Ring
from lesion_tracker.report.patient_results import LesionResult, PatientResult, StudyResult
from lesion_tracker.report.suggestions import suggestions_of
from lesion_tracker.studies.study import Study

FIRST, SECOND = Study("a", Path(), "eve", "20200101"), Study("b", Path(), "eve", "20200701")
LESION = Followed("lesion_1", label="lesion_1")


LOST, SPLIT = {"contrast_lost": True}, {"parts": "9 mm"}


def _told(seen: dict[str, Any], source: Study, found_in: Study, fate: str = PRESENT.name) -> list[str]:
    track = expected_track(
        Lesion("lesion_1", (0.0, 0.0, 0.0), 5.0), source.id, found_in.id, (0.0, 0.0, 0.0), 5.0, "auto"
    )
    marked, tracked = (
        LesionResult(LESION, Seen()),
        LesionResult(LESION, Seen(fate), track=track.with_changes(**seen)),
    )
    studies = [StudyResult(one, (tracked if one is found_in else marked,)) for one in (FIRST, SECOND)]
    return suggestions_of(PatientResult("eve", (LESION,), tuple(studies)))


@pytest.mark.parametrize(
    ("seen", "source", "found_in", "told"),
    [
        (LOST, FIRST, SECOND, ["lesion_1 in b: gone? Its contrast is lost at the place where it was"]),
        (LOST, SECOND, FIRST, ["lesion_1 in b: new? a shows its place without its contrast"]),
        (SPLIT, FIRST, SECOND, ["lesion_1 in b: split? Two parts of it are seen, 9 mm"]),
        (SPLIT, SECOND, FIRST, []),  # it was in two before: it has merged since
        ({"note": "its contrast is lost at this point: it may have gone"}, FIRST, SECOND, []),
    ],
)
def test_what_a_track_saw_becomes_a_suggestion_and_no_words_do(
    seen: dict[str, Any], source: Study, found_in: Study, told: list[str]
) -> None:
    assert _told(seen, source, found_in) == told


def test_what_a_reader_has_said_is_not_suggested() -> None:
    assert _told(LOST, FIRST, SECOND, fate=GONE.name) == []


@pytest.mark.parametrize(("z", "told"), [(0.0, True), (4.0, True), (30.0, False)])
def test_outlines_meet_in_any_slice(z: float, told: bool) -> None:
    def sized(name: str, outline: tuple[Ring, ...]) -> LesionResult:
        ends = (outline[0][0], outline[0][2])
        size = Size(14.0, 10.0, ends, ends, rings=outline[:1], outline=outline)
        return LesionResult(Followed(name, label=name), Seen(), size=size)

    def square(x: float, z: float) -> Ring:
        return tuple((x + dx, dy, z) for dx, dy in ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0)))

    one, other = (
        sized("one", (square(0.0, 0.0), square(0.0, 4.0))),
        sized("other", (square(5.0, z), square(5.0, z + 4.0))),
    )
    patient = PatientResult("eve", (), (StudyResult(FIRST, (one, other)),))
    assert bool(suggestions_of(patient)) is told
