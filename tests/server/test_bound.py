"""Marks stay with the volume that they were made on: what a file holds later is another matter, and a mere re-save is not."""

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from lesion_tracker.errors import InputError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.derived import SAME_VOXELS
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.settings import Settings
from lesion_tracker.studies.folder_catalog import FolderCatalog
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.volumes.fingerprint import fingerprint_of
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.studies.listed import Listed

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # monailabel's imports
    from lesion_tracker.server.bound import BoundMarks
    from lesion_tracker.server.engine import Engine
    from lesion_tracker.server.followups import Followups

BASE, FOLLOW = "ann__20200101", "ann__20200601"
POINT = (10.0, 12.0, 8.0)
NOT_THERE = "marked in another volume than its file holds now"


def scan(seed: int, origin: tuple[float, float, float] = (0.0, 0.0, 0.0), size: int = 20) -> Volume:
    hu = np.random.default_rng(seed).integers(-900, 400, (10, size, size)).astype(np.int16)
    return Volume(hu, Grid.from_parts((size, size, 10), np.array([2.0, 2.0, 4.0]), np.array(origin), np.eye(3)))


class Noting(Engine):
    """An engine whose tracker answers the baseline's point, and notes the voxels that it got."""

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
        self.former = former
        names = (baseline.id, followup.id)
        made = [Track(one.id, *names, one.center_mm, 5.0, 0.5, "found", one.center_mm, "still") for one in lesions]
        at = "2026-01-01T00:00:00+00:00"
        return [one.with_changes(warnings=tuple(notes), created_at=at) for one in made], {}


class World:
    """Two studies of a patient on a server, whose files are written anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(BASE, scan(1))
        self.write(FOLLOW, scan(2))
        self.start()

    def start(self) -> None:
        """Start the server, or start it again: what it had in memory is gone."""
        self.catalog = FolderCatalog(Listed(self.folder, BASE, FOLLOW))
        self.marks = MarkStore(self.folder / "labels")
        self.engine = Noting(Settings(), self.folder / "cache", self.folder / "model")
        self.bound = BoundMarks(self.marks, self.engine)
        self.followups = Followups(self.catalog, self.marks, self.engine, self.bound)

    def write(self, study: str, volume: Volume) -> None:
        write_volume(volume, self.folder / f"{study}.nii.gz")

    def mark(self, study: str, *names: str) -> None:
        """Mark lesions as the task does."""
        known = self.catalog.study(study)
        volume, on = self.engine.stamped(known)
        self.bound.before_marking(known, on)
        self.marks.mark(study, [Lesion(name, POINT, 5.0) for name in names], on)
        self.bound.remember(known, volume, on)

    def names(self, study: str) -> list[str]:
        return [lesion.id for lesion in self.marks.lesions(study)]

    def settle(self, study: str) -> list[str]:
        return self.bound.settle(self.catalog.study(study))

    def track(self, baseline: str = "", followup: str = FOLLOW) -> list[Track]:
        study = self.catalog.study(followup)
        tracks, _ = self.followups.track(self.followups.sources(study, baseline), study)
        return tracks


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def resaved(path: Path) -> None:
    """Save a file again as another program does: axes the other way, float32, a rounded origin."""
    image = sitk.DICOMOrient(sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkFloat32), "LIP")
    image.SetOrigin([round(mm + 0.004, 2) for mm in image.GetOrigin()])
    sitk.WriteImage(image, str(path))


def test_a_file_that_is_saved_again_keeps_its_marks(world: World) -> None:
    world.mark(BASE, "lesion_1")
    resaved(world.folder / f"{BASE}.nii.gz")
    (track,) = world.track()
    assert (track.center_mm, track.warnings) == (POINT, ())
    assert world.names(BASE) == ["lesion_1"]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (scan(3), "other voxels on the same grid"),
        (scan(1, size=16), "another scan, or the same one resampled"),
        (scan(1, (0.0, 0.0, 40.0)), r"the same voxels, moved by \(0.0, 0.0, 40.0\) mm: its header was corrected"),
    ],
)
def test_marks_do_not_pass_to_what_a_file_holds_later(world: World, now: Volume, why: str) -> None:
    world.mark(BASE, "lesion_1")
    world.write(BASE, now)
    for baseline in ("", BASE):
        with pytest.raises(InputError, match=f"lesion_1 of {BASE}: {NOT_THERE}.*{why}.*mark them again"):
            world.track(baseline)
    assert world.names(BASE) == []
    assert world.marks.in_use() == set()
    world.start()
    with pytest.raises(InputError, match=NOT_THERE):
        world.track()
    world.write(BASE, scan(1))  # the old file is back
    assert world.settle(BASE) == []
    assert world.names(BASE) == ["lesion_1"]


def test_what_is_marked_again_counts_and_keeps_its_uid(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(volume: Volume) -> Any:
        time.sleep(0.2)  # longer than the next mark takes
        return fingerprint_of(volume)

    monkeypatch.setattr("lesion_tracker.server.bound.fingerprint_of", late)
    world.mark(BASE, "lesion_1", "lesion_2")
    uids = {lesion.id: lesion.tracking_uid for lesion in world.marks.lesions(BASE)}
    world.write(BASE, scan(3))
    world.mark(BASE, "lesion_1")
    (lesion,) = world.marks.lesions(BASE)
    assert (lesion.id, lesion.tracking_uid) == ("lesion_1", uids["lesion_1"])
    (track,) = world.track()
    assert track.lesion_id == "lesion_1"
    assert len(track.warnings) == 1
    assert track.warnings[0].startswith(f"lesion_2 of {BASE}: {NOT_THERE}")
    world.marks.delete([BASE], "lesion_1", "dr a")
    assert world.names(BASE) == []


def test_a_mark_waits_for_no_fingerprint(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken beside the requests, of the volume that was in memory: the file may be another one by then."""
    import threading

    go = threading.Event()

    def late(volume: Volume) -> Any:
        assert go.wait(30)
        return fingerprint_of(volume)

    monkeypatch.setattr("lesion_tracker.server.bound.fingerprint_of", late)
    world.mark(BASE, "lesion_1")
    assert world.names(BASE) == ["lesion_1"]
    assert world.marks.volumes(BASE).current == ""
    world.write(BASE, scan(3))
    go.set()
    with pytest.raises(InputError, match="other voxels on the same grid"):
        world.track()


def test_marks_of_a_server_that_ended_before_the_fingerprint_do_not_pass(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundMarks, "remember", lambda *_: None)
    world.mark(BASE, "lesion_1")
    world.write(BASE, scan(3))
    with pytest.raises(InputError, match="the file changed before its fingerprint was known"):
        world.track()


def test_what_was_stored_before_is_bound_at_the_first_read_which_is_said_once(world: World) -> None:
    world.marks.mark(BASE, [Lesion("lesion_1", POINT, 5.0)])
    (track,) = world.track()
    (said,) = track.warnings
    assert said.startswith(f"the points of {BASE} were stored before it was kept on which volume they are")
    (track,) = world.track()
    assert track.warnings == ()
    world.write(BASE, scan(3))
    with pytest.raises(InputError, match=NOT_THERE):
        world.track()


def test_what_is_done_again_on_a_new_study_was_not_stored_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its fingerprint is not known yet."""
    monkeypatch.setattr(BoundMarks, "remember", lambda *_: None)
    world.mark(BASE, "lesion_1")
    world.marks.undo([BASE], "lesion_1", "")
    undone = world.marks.records(BASE).steps("lesion_1")[-1]
    assert world.marks.redo({BASE: undone.action}, "lesion_1", "") == ["mark"]
    assert world.settle(BASE) == []
    assert world.names(BASE) == ["lesion_1"]
    world.write(BASE, scan(3))
    (said,) = world.settle(BASE)
    assert said.startswith(f"lesion_1 of {BASE}: {NOT_THERE}")


def test_tracks_and_answers_of_a_follow_up_that_was_replaced_do_not_count(world: World) -> None:
    world.mark(BASE, "lesion_1", "lesion_2")
    world.track()
    world.marks.accept(FOLLOW, ["lesion_1"], "dr a")
    two = next(track for track in world.marks.tracks(FOLLOW) if track.lesion_id == "lesion_2")
    world.marks.correct(FOLLOW, [Correction(two, (14.0, 12.0, 8.0), "dr a")])
    assert world.names(FOLLOW) == ["lesion_1", "lesion_2"]
    world.write(FOLLOW, scan(4))
    (said,) = world.settle(FOLLOW)
    assert said.startswith(f"lesion_1, lesion_2 of {FOLLOW}: {NOT_THERE}")
    assert (world.names(FOLLOW), world.marks.tracks(FOLLOW), world.marks.corrections(FOLLOW)) == ([], [], [])
    tracks = world.track()
    assert world.settle(FOLLOW) == []  # each lesion has its point on the new volume again
    assert [track.lesion_id for track in world.marks.tracks(FOLLOW)] == ["lesion_1", "lesion_2"]
    assert all(track.baseline_study == BASE for track in tracks)
    world.marks.delete([FOLLOW], "lesion_1", "dr a")
    assert [track.lesion_id for track in world.marks.tracks(FOLLOW)] == ["lesion_2"]


def test_points_are_carried_over_with_the_volume_that_is_still_in_memory(world: World) -> None:
    world.mark(BASE, "lesion_1")
    world.write(BASE, scan(3))
    (track,) = world.track(BASE, BASE)
    assert (track.baseline_study, track.followup_study, track.center_mm) == (BASE, BASE, POINT)
    assert world.engine.former is not None
    assert np.array_equal(world.engine.former.hu, scan(1).hu)
    assert track.warnings == (f"marked in another volume than {BASE} holds now, which was registered with it",)
    world.settle(BASE)
    world.marks.accept(BASE, ["lesion_1"], "dr a")
    (lesion,) = world.marks.lesions(BASE)
    assert lesion.center_mm == POINT
    with pytest.raises(InputError, match="are the same study"):
        world.track(BASE, BASE)


def test_a_corrected_header_carries_the_points_with_their_voxels(world: World) -> None:
    """Nothing is registered, and the old file is not needed."""
    world.mark(BASE, "lesion_1")
    world.settle(BASE)
    world.write(BASE, scan(1, (1.0, -2.0, 40.0)))
    resaved(world.folder / f"{BASE}.nii.gz")
    world.start()
    (track,) = world.track(BASE, BASE)
    assert track.center_mm == pytest.approx((11.0, 10.0, 48.0), abs=0.05)
    assert (track.method, track.state, track.confidence) == (SAME_VOXELS, "found", 1.0)


def test_what_is_no_longer_in_memory_cannot_be_carried_over(world: World) -> None:
    world.mark(BASE, "lesion_1")
    world.settle(BASE)
    world.write(BASE, scan(3))
    world.start()
    with pytest.raises(InputError, match="no longer in memory: mark them again"):
        world.track(BASE, BASE)


def test_a_copy_of_the_folder_keeps_all_marks(world: World, tmp_path: Path) -> None:
    world.mark(BASE, "lesion_1")
    world.settle(BASE)
    copy = tmp_path / "copy"
    for path in [*tmp_path.glob("*.nii.gz"), *(tmp_path / "labels").rglob("*.jsonl")]:
        target = copy / path.relative_to(tmp_path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    world.folder = copy
    world.start()
    (track,) = world.track()
    assert track.warnings == ()
    assert read_volume(copy / f"{BASE}.nii.gz").grid.size == (20, 20, 10)
