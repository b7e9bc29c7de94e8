"""Every writer of the product goes through `files/whole.py`, and leaves nothing behind on a full disk."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lesion_tracker.commands.evaluation_report import write_page
from lesion_tracker.errors import LesionTrackerError
from lesion_tracker.files.disk_cache import DiskCache
from lesion_tracker.files.json_file import write_json
from lesion_tracker.files.tracks_file import write_tracks_csv
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import save_tracker
from lesion_tracker.pacs.series_records import SeriesRecords
from lesion_tracker.report.label_map import write_label_map
from lesion_tracker.server.access.accounts_file import set_account
from lesion_tracker.training.learning.publish import ModelStore
from lesion_tracker.training.learning.validation_inputs import write_inputs
from lesion_tracker.training.prepared.writer import PreparedWriter
from lesion_tracker.training.run.checkpoint import write_checkpoint
from lesion_tracker.training.run.progress import ProgressFile
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_dicom_series, write_volume
from tests.training.made import made_study
from tests.training.taught import TINY

ROOT = Path(__file__).parents[2]
BY_HAND = re.compile(r"os\.(replace|rename)\(|\bmk(s|d)temp\(|NamedTemporaryFile\(")
ALLOWED = {
    "apps/lesion_tracker/lesion_tracker/files/whole.py": "it is the one",
    "apps/lesion_tracker/lesion_tracker/pacs/dicomweb.py": "a download's body, which is read into files and is gone then",
    "apps/lesion_tracker/lesion_tracker/registration/cache.py": "takes over what an earlier version kept",
    "apps/lesion_tracker/lesion_tracker/server/studies/uploads.py": "a file that lives as long as its request",
}


def test_no_other_module_writes_a_file_whole_by_hand() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in ("apps", "benchmarks", "sample-data")
        for path in (ROOT / folder).rglob("*.py")
        if BY_HAND.search(path.read_text())
    }
    assert found == set(ALLOWED)


def grid() -> Grid:
    return Grid.from_parts((6, 5, 4), np.ones(3), np.zeros(3), np.eye(3))


def volume() -> Volume:
    return Volume(np.zeros((4, 5, 6), dtype=np.int16), grid())


def series(folder: Path) -> None:
    write_dicom_series(
        volume(), folder / "series", patient_id="p", study_uid="1.2", series_uid="1.2.3", study_date="20240131"
    )


def prepared(folder: Path) -> None:
    with PreparedWriter(folder / "prepared", {}) as writer:
        writer.add(made_study())


def published(folder: Path) -> None:
    store = ModelStore(folder)
    store.publish(store.add(TrackerNet(TINY), {"name": "a"}))


def cached(folder: Path) -> None:
    def make(path: Path) -> None:
        path.write_bytes(b"x")

    DiskCache(folder, 1000, 1.0).get("a", lambda _: True, make)


WRITERS: dict[str, Callable[[Path], object]] = {
    "json": lambda folder: write_json({"a": 1}, folder / "a.json"),
    "csv": lambda folder: write_tracks_csv([], folder / "a.csv"),
    "page": lambda folder: write_page("text", folder / "a.md"),
    "label map": lambda folder: write_label_map(np.zeros((4, 5, 6), dtype=np.uint8), grid(), folder / "a.nrrd"),
    "volume": lambda folder: write_volume(volume(), folder / "a.nii.gz"),
    "volume of two files": lambda folder: write_volume(volume(), folder / "a.mhd"),
    "series": series,
    "weights": lambda folder: save_tracker(TrackerNet(TINY), folder, {"name": "a"}),
    "published weights": published,
    "validation inputs": lambda folder: write_inputs([], folder / "inputs.npz"),
    "prepared folder": prepared,
    "checkpoint": lambda folder: write_checkpoint(folder, {"step": 1}),
    "progress": lambda folder: ProgressFile(folder / "progress.json").update(stage="a"),
    "series of a PACS": lambda folder: SeriesRecords(folder).give("1.2.3", {"patient": "p"}),
    "accounts": lambda folder: set_account(folder / "accounts.json", "ann", "correct horse", "reader"),
    "cache": cached,
}


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_no_draft_and_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        said = ""
        try:
            WRITERS[name](tmp_path)
        except (OSError, LesionTrackerError) as error:
            said = str(error)
    if name in ("checkpoint", "progress"):  # a run goes on without them
        assert not said
    else:
        assert "No space left on device" in said
    assert [file for file in files(tmp_path) if not file.endswith(".lock")] == []
    WRITERS[name](tmp_path)
    assert files(tmp_path)
    assert not list(tmp_path.rglob("*draft*"))


def test_accounts_are_their_owners_alone(tmp_path: Path) -> None:
    WRITERS["accounts"](tmp_path)
    assert (tmp_path / "accounts.json").stat().st_mode & 0o777 == 0o600
