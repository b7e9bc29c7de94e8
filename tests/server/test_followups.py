"""One follow-up, as a request and the page's job track it: from the newest points, passed on in one frame, all or nothing."""

import threading
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lesion_tracker.errors import (
    Abandoned,
    FileFormatError,
    InputError,
    PointOutsideError,
    RegistrationFailed,
    StudyOrderError,
)
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.derived import SAME_FRAME
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.settings import Settings
from lesion_tracker.studies.folder_catalog import FolderCatalog
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.studies.listed import Listed

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # monailabel's imports
    from lesion_tracker.server.bound import BoundMarks
    from lesion_tracker.server.engine import Engine
    from lesion_tracker.server.followups import Followups
    from lesion_tracker.server.request_pool import _left

FIRST, SECOND, THIRD, OTHER = "ann__20200101", "ann__20200701", "ann__20210101", "bob__20200101"
FRAME = {"StudyInstanceUID": "1.2", "FrameOfReferenceUID": "1.2.3", "series": "thin"}


class StillEngine(Engine):
    """An engine whose tracker answers the baseline's point, in a second, and not from `fails`."""

    fails = ""

    def track(
        self,
        baseline: Study,
        followup: Study,
        lesions: Sequence[Lesion],
        options: TrackOptions | None = None,
        notes: Sequence[str] = (),
        former: Volume | None = None,
    ) -> tuple[list[Track], dict[str, float]]:
        """Return each lesion where it was."""
        if baseline.id == self.fails:
            raise RegistrationFailed("nothing in common")
        names, method = (baseline.id, followup.id), (options or self.options).method
        tracks = [
            Track(one.id, *names, one.center_mm, one.radius_mm, 0.5, "found", one.center_mm, method) for one in lesions
        ]
        more = {"registration": {"worst": float("nan")}, "warnings": tuple(notes)}
        return [track.with_changes(**more) for track in tracks], {"total": 1.0}


class World:
    """Studies, marks and what tracks them."""

    def __init__(self, folder: Path) -> None:
        self.listed = Listed(folder, FIRST, SECOND, THIRD, OTHER)
        grid = Grid.from_parts((20, 20, 10), np.array([2.0, 2.0, 4.0]), np.zeros(3), np.eye(3))
        for name in self.listed.list_images():
            write_volume(Volume(np.zeros(grid.shape, np.int16), grid), folder / f"{name}.nii.gz")
        self.catalog = FolderCatalog(self.listed)
        self.marks = MarkStore(folder / "labels")
        self.engine = StillEngine(Settings(), folder / "cache", folder / "model")
        self.followups = Followups(self.catalog, self.marks, self.engine, BoundMarks(self.marks, self.engine))

    def mark(self, study: str, *names: str, x: float = 10.0) -> None:
        on = self.engine.stamp(self.catalog.study(study))
        self.marks.mark(study, [Lesion(name, (x, 12.0, 8.0), 5.0) for name in names], on)

    def sources(self, study: str, **more: Any) -> dict[str, list[str]]:
        found = self.followups.sources(self.catalog.study(study), **more)
        return {source.study.id: [lesion.id for lesion in source.lesions] for source in found}

    def track(self, study: str, options: TrackOptions | None = None) -> tuple[list[Track], dict[str, float]]:
        followup = self.catalog.study(study)
        return self.followups.track(self.followups.sources(followup), followup, options)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_lesion_comes_from_the_newest_earlier_study_with_its_point(world: World) -> None:
    world.mark(FIRST, "lesion_10", "lesion_2", "lesion_1")
    world.mark(SECOND, "lesion_2")
    assert world.sources(THIRD) == {SECOND: ["lesion_2"], FIRST: ["lesion_1", "lesion_10"]}
    assert world.sources(THIRD, baseline_id=FIRST) == {FIRST: ["lesion_10", "lesion_2", "lesion_1"]}
    tracks, seconds = world.track(THIRD, TrackOptions("affine"))
    assert [(track.lesion_id, track.baseline_study, track.method) for track in tracks] == [
        ("lesion_1", FIRST, "affine"),
        ("lesion_2", SECOND, "affine"),
        ("lesion_10", FIRST, "affine"),
    ]
    assert seconds == {"total": 2.0}
    assert world.marks.tracks(THIRD) == tracks
    assert tracks[0].registration == {"worst": None}  # what JSON cannot carry is not kept


def test_where_one_source_cannot_be_tracked_nothing_is_kept(world: World) -> None:
    world.mark(FIRST, "lesion_1")
    world.mark(SECOND, "lesion_2")
    world.engine.fails = FIRST
    with pytest.raises(RegistrationFailed):
        world.track(THIRD)
    assert world.marks.tracks(THIRD) == []


def test_points_are_passed_on_between_series_of_one_frame_and_nothing_is_registered(world: World) -> None:
    for name in (SECOND, THIRD):
        world.listed.info[name] = {**FRAME, "patient": "ann", "date": "20200701", "series": name}
    world.mark(SECOND, "lesion_1")
    world.engine.fails = SECOND
    tracks, seconds = world.track(THIRD)
    assert [(track.method, track.state, track.confidence) for track in tracks] == [(SAME_FRAME, "found", 1.0)]
    assert seconds == {}


def test_a_lesion_outside_of_its_own_study_is_refused_before_anything_is_computed(world: World) -> None:
    world.mark(FIRST, "lesion_1", x=999.0)
    world.engine.fails = FIRST
    with pytest.raises(PointOutsideError, match=r"'lesion_1' at .* is outside study 'ann__20200101'"):
        world.track(THIRD)


def test_what_cannot_be_tracked_from_is_refused(world: World) -> None:
    with pytest.raises(StudyOrderError, match="mark the lesions in the earlier study"):
        world.sources(THIRD)
    with pytest.raises(InputError, match="nothing is marked in 'ann__20200101'"):
        world.sources(THIRD, baseline_id=FIRST)
    with pytest.raises(InputError, match="are the same study"):
        world.sources(THIRD, baseline_id=THIRD)
    with pytest.raises(InputError, match=r"of patient 'bob', the follow-up of 'ann'.*all the same: baseline_image"):
        world.sources(THIRD, baseline_id=OTHER, any_pair=False)
    given = [Lesion("a", (10.0, 12.0, 8.0), 5.0)]
    assert world.sources(THIRD, given=given) == {SECOND: ["a"]}


@pytest.mark.parametrize(
    ("baseline", "followup", "fact"),
    [
        (OTHER, THIRD, "the baseline is of patient 'bob', the follow-up of 'ann'"),
        (THIRD, FIRST, "backward in time: the follow-up's date 20200101 lies before the baseline's 20210101"),
    ],
)
def test_a_named_baseline_may_be_any_and_every_track_says_so(
    world: World, baseline: str, followup: str, fact: str
) -> None:
    world.mark(baseline, "lesion_1")
    study = world.catalog.study(followup)
    sources = world.followups.sources(study, baseline)
    ((track,), _) = world.followups.track(sources, study)
    assert track.warnings == (f"{fact} (tracked all the same: baseline_image)",)


def of_others(world: World, monkeypatch: pytest.MonkeyPatch, **persons: dict[str, str]) -> None:
    """Let studies say more of their patients, as DICOM headers do."""
    known = world.catalog.study

    def study(image_id: object) -> Study:
        return replace(known(image_id), **persons.get(str(image_id).split("__")[1], {}))

    monkeypatch.setattr(world.catalog, "study", study)


def test_tracks_keep_which_points_of_readers_lay_between(world: World) -> None:
    world.mark(FIRST, "lesion_1", "lesion_2")
    world.mark(SECOND, "lesion_1", x=14.0)
    study = world.catalog.study(THIRD)
    tracks, _ = world.followups.track(world.followups.sources(study, FIRST), study)
    assert [track.between for track in tracks] == [{SECOND: (14.0, 12.0, 8.0)}, {}]
    assert [track.between for track in world.marks.tracks(THIRD)] == [{SECOND: (14.0, 12.0, 8.0)}, {}]
    back = world.catalog.study(FIRST)
    world.mark(THIRD, "late")
    tracks, _ = world.followups.track(world.followups.sources(back, THIRD, backward=True), back)
    assert [track.between for track in tracks] == [{}]


def test_a_damaged_history_of_a_study_between_stops_no_track(world: World, tmp_path: Path) -> None:
    world.mark(FIRST, "lesion_1")
    world.mark(SECOND, "lesion_1")
    (history,) = (tmp_path / "labels").rglob(f"{SECOND}*.jsonl")
    history.write_text("{}\n" + history.read_text())
    with pytest.raises(FileFormatError):
        world.marks.lesions(SECOND)
    study = world.catalog.study(THIRD)
    ((track,), _) = world.followups.track(world.followups.sources(study, FIRST), study)
    assert track.between == {}


def test_a_study_of_another_person_with_the_same_patient_id_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    man, woman = {"sex": "M", "birth_date": "19500101"}, {"sex": "F", "birth_date": "19500101"}
    of_others(world, monkeypatch, **{"20200101": man, "20200701": woman, "20210101": man})
    world.mark(FIRST, "lesion_1")
    world.mark(SECOND, "lesion_1", "lesion_2")
    followup = world.catalog.study(THIRD)
    (source,) = world.followups.sources(followup)
    assert (source.study.id, [lesion.id for lesion in source.lesions]) == (FIRST, ["lesion_1"])
    said = "study ann__20200701 was left out: the sex is 'F' in the baseline, 'M' in the follow-up"
    assert source.notes == [said]
    ((track,), _) = world.followups.track([source], followup)
    assert track.warnings == (said,)


def test_what_only_the_files_say_of_a_person_counts_at_the_first_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PACS may leave the sex out of its lists: the first request took two people for one, the second refused them."""
    world.mark(FIRST, "lesion_1")
    listed, fetch = world.catalog.study(THIRD), world.catalog.fetch

    def fetched(study: Study) -> Path:
        of_others(world, monkeypatch, **{"20200101": {"sex": "M"}, "20210101": {"sex": "F"}})
        return fetch(study)

    of_others(world, monkeypatch, **{"20200101": {"sex": "M"}})
    monkeypatch.setattr(world.catalog, "fetch", fetched)
    with pytest.raises(InputError, match="the sex is 'M' in the baseline, 'F' in the follow-up"):
        world.followups.sources(listed)


def test_nothing_is_kept_for_a_client_that_has_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.mark(FIRST, "lesion_1")
    left, track = threading.Event(), StillEngine.track

    def slow(self: StillEngine, *given: Any, **more: Any) -> Any:
        left.set()
        return track(self, *given, **more)

    monkeypatch.setattr(StillEngine, "track", slow)
    waiting = _left.set(left)
    try:
        with pytest.raises(Abandoned):
            world.track(SECOND)
    finally:
        _left.reset(waiting)
    assert left.is_set()
    assert world.marks.tracks(SECOND) == []


def test_where_all_earlier_studies_are_of_others_the_pair_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, others = {"issuer": "B"}, {"issuer": "A"}
    of_others(world, monkeypatch, **{"20200101": others, "20200701": others, "20210101": ours})
    world.mark(FIRST, "lesion_1")
    followup = world.catalog.study(THIRD)
    with pytest.raises(InputError, match="issuer of the PatientID is 'A' in the baseline, 'B' in the follow-up"):
        world.followups.sources(followup)
    with pytest.raises(InputError, match="To track all the same: baseline_image"):
        world.followups.sources(followup, given=[Lesion("a", (10.0, 12.0, 8.0), 5.0)])
    (source,) = world.followups.sources(followup, FIRST)
    assert any("issuer" in note and "tracked all the same: baseline_image" in note for note in source.notes)
