"""Small studies, and a tracker that answers at once: the commands are tested here, not the tracking."""

import json

import numpy as np
import pytest

from lesion_tracker.records.track import Track
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

SHIFT_MM = np.array([3.0, 0.0, 4.0])
"""The stand-in answers 5 mm beside the lesion's place in the baseline."""


@pytest.fixture
def studies(tmp_path):
    """Return two files of 60 × 60 × 60 mm from (0, 0, 0), a ball in soft tissue in air."""
    k, j, i = np.meshgrid(*(np.arange(31) * 2.0,) * 3, indexing="ij")
    distance = np.sqrt((i - 30) ** 2 + (j - 30) ** 2 + (k - 30) ** 2)
    hu = np.select([distance < 10, distance < 28], [90, 20], -1000).astype(np.int16)
    grid = Grid.from_parts((31, 31, 31), np.full(3, 2.0), np.zeros(3), np.eye(3))
    paths = tmp_path / "p__20200101.nii.gz", tmp_path / "p__20200401.nii.gz"
    for path, ball in zip(paths, (90, 85), strict=True):
        write_volume(Volume(np.where(hu == 90, ball, hu).astype(np.int16), grid), path)
    return paths


@pytest.fixture
def write(tmp_path):
    """Return a function that writes JSON to a new file and returns its path."""

    def write_content(name, content):
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    return write_content


@pytest.fixture
def quick_track(monkeypatch):
    """Replace tracking by the stand-in; return the list of its calls."""
    calls = []

    def answer(pair, lesions, options, *, model=None, problem="", cache=None, going_on=None):
        method = options.method
        calls.append({"pair": pair, "lesions": list(lesions), "method": method, "model": model, "cache": cache})
        return [
            Track(
                lesion.id,
                pair.baseline_id,
                pair.followup_id,
                tuple(float(v) for v in np.array(lesion.center_mm) + SHIFT_MM),
                lesion.radius_mm,
                0.9,
                "found",
                lesion.center_mm,
                method,
                seconds={"registration": 2.0, "network": 0.5},
                warnings=("a test study",),
            )
            for lesion in lesions
        ]

    monkeypatch.setattr("lesion_tracker.tracking.session.track", answer)
    monkeypatch.setattr("lesion_tracker.commands.evaluate.preload", lambda: None)
    return calls
