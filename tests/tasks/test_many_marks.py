"""Ten thousand marks: what a track reads and writes around its computing stays below a second."""

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lib.correction.mark_store import MarkStore
from lib.network.lattice import crop_grid
from lib.studies.volume import Volume
from lib.studies.writer import write_volume
from lib.tracking.records import Lesion, Track

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # monailabel's imports
    from lib.tasks.catalog import Catalog
    from lib.tasks.datastore import StudyFolder

MARKS = 10_000
PATIENTS = 250
OVERHEAD_S = 1.0
"""Of processor time, so that a busy machine does not decide."""


def lesions(count: int) -> list[Lesion]:
    return [Lesion(f"lesion_{n}", (float(n % 90), 20.0, 30.0), 6.0) for n in range(count)]


def made_track(before: str, after: str, number: int) -> Track:
    center = (float(number), 20.0, 30.0)
    return Track(f"lesion_{number}", before, after, center, 6.0, 0.5, "found", center, "affine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two studies of 250 patients, with 40 marks in each earlier one."""
    place = tmp_path_factory.mktemp("many")
    first = place / "p0__20200101.nii.gz"
    write_volume(Volume(np.zeros((4, 4, 4), np.int16), crop_grid(np.zeros(3), (4, 4, 4))), first)
    for number in range(PATIENTS):
        for day in ("20200101", "20210101"):
            path = place / f"p{number}__{day}.nii.gz"
            if path != first:
                os.link(first, path)
    marks = MarkStore(place / "labels")
    for number in range(PATIENTS):
        marks.mark(f"p{number}__20200101", lesions(MARKS // PATIENTS))
    return place


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def test_a_track_among_ten_thousand_marks_of_many_patients(folder: Path) -> None:
    datastore = StudyFolder(str(folder), lambda _: None, auto_reload=False)
    catalog, marks = Catalog(datastore), MarkStore(folder / "labels")
    after = "p7__20210101"

    def around_a_track() -> None:
        followup = catalog.study(after)
        marked = marks.studies("lesions")
        baseline = catalog.baseline_of(followup, lambda name: name in marked)
        assert baseline.id == "p7__20200101"
        assert len(marks.lesions(baseline.id)) == MARKS // PATIENTS
        marks.add_tracks(after, [made_track(baseline.id, after, 1)])

    around_a_track()  # a server reads the histories once; a track comes after that
    assert seconds(around_a_track) < OVERHEAD_S


def test_a_track_from_a_study_with_ten_thousand_marks(tmp_path: Path) -> None:
    marks = MarkStore(tmp_path / "labels")
    before, after = "p__20200101", "p__20210101"
    marks.mark(before, lesions(MARKS))

    def around_a_track() -> None:
        assert len(marks.lesions(before)) == MARKS
        marks.add_tracks(after, [made_track(before, after, 1)])

    around_a_track()
    assert seconds(around_a_track) < OVERHEAD_S
