"""Ten thousand marks: what a track reads and writes around its computing stays below a second, and so does a timeline."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

MARKS = 10_000
OVERHEAD_S = 1.0
"""Of processor time, so that a busy machine does not decide."""


@pytest.mark.long
@pytest.mark.parametrize("patients", [250, 8], ids=["of many patients", "of few"])
def test_a_track_and_a_timeline_among_ten_thousand_marks(tmp_path: Path, patients: int) -> None:
    first = tmp_path / "p0__20200101.nii.gz"
    write_volume(Volume(np.zeros((4, 4, 4), np.int16), crop_grid(np.zeros(3), (4, 4, 4))), first)
    marks = MarkStore(tmp_path / "labels")
    made = [Lesion(f"lesion_{n}", (float(n % 90), 20.0, 30.0), 6.0) for n in range(MARKS // patients)]
    for number in range(patients):
        for day in ("20200101", "20210101"):
            path = tmp_path / f"p{number}__{day}.nii.gz"
            if path != first:
                os.link(first, path)
        marks.mark(f"p{number}__20200101", made)
    script = Path(__file__).with_name("around_a_track.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300, check=True
    )
    count, track_s, timeline_s = done.stdout.split()[-3:]
    assert int(count) == MARKS // patients
    assert float(track_s) < OVERHEAD_S
    assert float(timeline_s) < OVERHEAD_S
