"""A real Orthanc on loopback, and drawn studies of a patient in it."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests

from lesion_tracker.pacs.series_state import MEMO_S
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.volume import Volume

PROGRAM = shutil.which("Orthanc")
PLUGINS = [path for path in (Path("/usr/share/orthanc/plugins"), Path("/usr/lib/orthanc")) if path.is_dir()]
PLUGIN = next((file for folder in PLUGINS for file in sorted(folder.glob("libOrthancDicomWeb.so*"))), None)
START_S = 120
ANSWER_S = 60

needs_orthanc = pytest.mark.skipif(
    PROGRAM is None or PLUGIN is None,
    reason="Orthanc with DICOMweb is not installed (apt-get install orthanc orthanc-dicomweb): no real PACS was asked",
)

Change = Callable[[pydicom.Dataset, int], bool]
"""Changes a slice (second: its number from 0); returns whether it is stored at all."""


class Orthanc:
    """A running Orthanc.

    Args:
        folder: for its database and log.
        users: names and passwords; none: it wants no login.
    """

    def __init__(self, folder: Path, users: dict[str, str] | None = None) -> None:
        self._folder = folder
        self._users = users or {}
        folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dicom_web = f"{self.url}/dicom-web"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it answers."""
        settings = {
            "Name": "tests",
            "StorageDirectory": str(self._folder / "db"),
            "IndexDirectory": str(self._folder / "db"),
            "HttpPort": self.port,
            "HttpBindAddresses": ["127.0.0.1"],
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": bool(self._users),
            "RegisteredUsers": self._users,
            "DicomServerEnabled": False,
            "SslVerifyPeers": False,
            "Plugins": [str(PLUGIN)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False, "Ssl": False},
        }
        (self._folder / "orthanc.json").write_text(json.dumps(settings))
        with (self._folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM), str(self._folder / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if self._process.poll() is not None:
                pytest.fail(f"Orthanc ended: {(self._folder / 'orthanc.log').read_text()[-2000:]}")
            try:
                requests.get(f"{self.url}/system", timeout=ANSWER_S)
                return
            except requests.ConnectionError:
                time.sleep(0.2)
        pytest.fail(f"Orthanc did not answer within {START_S} s")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def send(self, files: Sequence[Path]) -> None:
        """Store files."""
        with requests.Session() as session:
            session.auth = next(iter(self._users.items()), None)
            for file in files:
                session.post(f"{self.url}/instances", data=file.read_bytes(), timeout=ANSWER_S).raise_for_status()

    def instances(self, series_uid: str) -> list[bytes]:
        """Return the files of a series."""
        found = requests.post(f"{self.url}/tools/lookup", data=series_uid, timeout=ANSWER_S).json()
        (series,) = [requests.get(f"{self.url}{entry['Path']}", timeout=ANSWER_S).json() for entry in found]
        return [
            requests.get(f"{self.url}/instances/{name}/file", timeout=ANSWER_S).content for name in series["Instances"]
        ]

    def remove_series(self, series_uid: str) -> None:
        """Delete a series."""
        found = requests.post(f"{self.url}/tools/lookup", data=series_uid, timeout=ANSWER_S).json()
        for entry in found:
            requests.delete(f"{self.url}{entry['Path']}", timeout=ANSWER_S).raise_for_status()
        time.sleep(MEMO_S + 0.2)  # so long a server may remember what it listed


def drawn_series(
    folder: Path,
    volume: Volume,
    *,
    patient: str,
    study: str,
    series: str,
    date: str,
    change: Change | None = None,
    **more: Any,
) -> tuple[str, list[Path]]:
    """Write a volume as DICOM, changed as asked; returns its SeriesInstanceUID and the files.

    Args:
        folder: for the files.
        volume: what is drawn.
        patient: PatientID.
        study: name of the study; its UID follows from it.
        series: name of the series; its UID follows from it and the study's.
        date: YYYYMMDD.
        change: of each slice's header.
        more: for `write_dicom_series`.
    """
    series_uid = uid_of("tests", study, series)
    files = write_dicom_series(
        volume,
        folder / study / series,
        patient_id=patient,
        study_uid=uid_of("tests", study),
        series_uid=series_uid,
        study_date=date,
        description=series,
        **more,
    )
    if change is None:
        return series_uid, files
    kept = []
    for number, file in enumerate(files):
        dataset = pydicom.dcmread(file)
        if change(dataset, number):
            dataset.save_as(file)
            kept.append(file)
    return series_uid, kept


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
