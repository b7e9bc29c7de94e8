"""Writes the sample patient's two studies as DICOM, and sends them to a PACS: what docs/ohif-and-pacs.md needs."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import requests

from lesion_tracker.errors import LesionTrackerError
from lesion_tracker.studies.timeline import study_of
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.reader import read_volume

STUDIES = Path(__file__).resolve().parents[3] / "sample-data" / "studies"
BOUNDARY = "lesion-tracker-sample"
TIMEOUT_S = 120


def main() -> int:
    """Write, send, and say which studies they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the DICOM files; one folder a study")
    parser.add_argument(
        "--store", default="", metavar="ADDRESS", help="DICOMweb address that takes them, http://…/dicom-web"
    )
    parser.add_argument("--user", default="", help="NAME:PASSWORD of the PACS")
    args = parser.parse_args()
    try:
        for path in sorted(STUDIES.glob("*.nii.gz")):
            study_uid, files = write(path, args.folder)
            if args.store:
                store(files, args.store.rstrip("/"), args.user)
            print(f"{path.name}: {len(files)} files, StudyInstanceUID {study_uid}")
    except (LesionTrackerError, requests.RequestException) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def write(path: Path, folder: Path) -> tuple[str, list[Path]]:
    """Write one study, unless it is there already; returns its StudyInstanceUID and its files."""
    study = study_of(path)
    study_uid = uid_of("lesion-tracker sample", study.id)
    target = folder / study.id
    if target.is_dir():
        return study_uid, sorted(target.glob("*.dcm"))
    files = write_dicom_series(
        read_volume(path),
        target,
        patient_id=study.patient_id,
        study_uid=study_uid,
        series_uid=uid_of("lesion-tracker sample", study.id, "series"),
        study_date=study.study_date,
        description="Chest CT" + (f", {study.series}" if study.series else ""),
    )
    return study_uid, files


def store(files: list[Path], address: str, user: str) -> None:
    """Send files by STOW-RS.

    Raises:
        requests.RequestException: if the PACS does not take them.
    """
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + file.read_bytes() + b"\r\n" for file in files) + f"--{BOUNDARY}--".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
    name, _, password = user.partition(":")
    login = (name, password) if user else None
    requests.post(f"{address}/studies", data=body, headers=headers, auth=login, timeout=TIMEOUT_S).raise_for_status()


if __name__ == "__main__":
    sys.exit(main())
