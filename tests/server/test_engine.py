"""The server's engine: a pair that several ask for at the same time is registered once."""

import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lesion_tracker.errors import StudyError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.registration.methods import METHODS
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.settings import Settings
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.options import TrackOptions
from lesion_tracker.volumes.writer import write_volume
from tests.tracking.made_pair import pair, texture

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # monailabel's imports
    from lesion_tracker.server.engine import Engine


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each affine registration began; each takes 0.3 s and moves nothing."""
    began: list[float] = []

    def find(*_: Any) -> FollowupFromBaseline:
        began.append(time.perf_counter())
        time.sleep(0.3)
        return FollowupFromBaseline("affine", np.eye(4), quality={"local_ncc": 0.9})

    monkeypatch.setitem(METHODS, "affine", replace(METHODS["affine"], find=find))
    return began


@pytest.mark.long
def test_a_pair_is_registered_once_for_all_who_ask_at_the_same_time(tmp_path: Path, registered: list[float]) -> None:
    made = pair(texture(), texture())
    studies = []
    for name, volume in (("ann__20200101", made.baseline), ("ann__20210101", made.followup)):
        write_volume(volume, tmp_path / f"{name}.nii.gz")
        studies.append(Study(name, tmp_path / f"{name}.nii.gz", "ann", name[-8:]))
    engine = Engine(Settings(method="affine"), tmp_path / "cache", tmp_path / "model")
    lesions = [Lesion("lesion_1", (4.0, -2.0, 6.0), 6.0), Lesion("lesion_2", (-8.0, 4.0, 0.0), 5.0)]
    with ThreadPoolExecutor(4) as pool:
        ahead = pool.submit(engine.register, *studies)  # as marking starts it
        asked = [pool.submit(engine.track, *studies, lesions, TrackOptions("affine")) for _ in range(3)]
        ahead.result()
        answers = [one.result() for one in asked]
    assert len(registered) == 1
    for tracks, seconds in answers:
        assert [track.lesion_id for track in tracks] == ["lesion_1", "lesion_2"]
        np.testing.assert_allclose(tracks[0].center_mm, (4.0, -2.0, 6.0))
        assert set(seconds) == {"load", "registration", "network", "total"}
        assert seconds["registration"] <= seconds["total"]
    again, seconds = engine.track(*studies, lesions, None)
    assert len(registered) == 1  # from the disk
    assert seconds["network"] == sum(track.seconds["network"] for track in again)


def test_a_study_that_was_removed_while_it_was_asked_for_is_no_fault(tmp_path: Path) -> None:
    study = Study("ann__20200101", tmp_path / "ann__20200101.nii.gz", "ann", "20200101")
    with pytest.raises(StudyError, match="'ann__20200101' was removed meanwhile"):
        Engine(Settings(), tmp_path / "cache", tmp_path / "model").stamped(study)
