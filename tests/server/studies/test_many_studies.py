"""A folder of 2,000 studies: what is asked of one of them costs no look at each of the others."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.requests import Move
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.studies.datastore import StudyFolder
from lesion_tracker.settings import Settings
from lesion_tracker.studies.folder_catalog import FolderCatalog
from lesion_tracker.studies.folder_index import FolderIndex
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

STUDIES = 2_000
SLOWER = 20.0
"""A machine that is so much slower, or busier, than the targets are meant for passes."""


def _seconds(what: str, act: Callable[[], object], times: int = 3) -> float:
    took = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        took.append(time.perf_counter() - start)
    print(f"{what}: median {median(took):.3f} s, first {took[0]:.3f} s")  # noqa: T201 - shown by pytest -s
    return median(took)


@pytest.mark.long
def test_a_mark_a_page_the_next_study_and_the_start_on_2000_studies(tmp_path: Path) -> None:
    grid = Grid.from_parts((12, 12, 12), np.array([2.0, 2.0, 2.0]), np.zeros(3), np.eye(3))
    write_volume(Volume(np.zeros(grid.shape, np.int16), grid), tmp_path / "one.nii.gz")
    body = (tmp_path / "one.nii.gz").read_bytes()
    folder = tmp_path / "studies"
    folder.mkdir()
    names = [f"P{n:04d}__{date}" for n in range(STUDIES // 2) for date in ("20200101", "20200701")]
    for name in names:
        (folder / f"{name}.nii.gz").write_bytes(body)
    index = FolderIndex(folder, tmp_path / "series.json")
    marks = MarkStore(folder / "labels", lambda study_id: study_id in index.entries())

    def opened() -> StudyFolder:
        return StudyFolder(index, marks.retire, lambda entry: entry.path, auto_reload=False)

    assert _seconds("start", opened) < SLOWER
    catalog = FolderCatalog(opened(), marks.in_use)
    engine = Engine(Settings(), tmp_path / "cache", tmp_path / "model")
    review = Review(catalog, marks, engine, BoundMarks(marks, engine))
    for name in names[:40]:
        marks.mark(name, [Lesion("a", (9.0, 9.0, 9.0), 5.0, marked_by="ann")])

    def mark() -> None:
        point = (9.0, 9.0, 9.0 + time.monotonic() % 5.0)
        review.move(Move(study=names[700], lesion="a", center_mm=point, track="", reader="ann"), "ann")

    mark()  # reads the volume
    assert _seconds("mark", mark) < 0.2 * SLOWER
    assert _seconds("a patient", lambda: review.patient("P0350")) < 0.2 * SLOWER
    assert _seconds("info", lambda: (catalog.ids(), marks.in_use())) < 0.3 * SLOWER
