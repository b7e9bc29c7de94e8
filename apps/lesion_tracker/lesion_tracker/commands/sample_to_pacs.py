"""`sample-to-pacs`: write the sample patient's two studies as DICOM, and send them to a PACS, for OHIF."""

import argparse
from pathlib import Path

import requests

from lesion_tracker.errors import InputError, PacsError
from lesion_tracker.places import SAMPLE
from lesion_tracker.studies.timeline import study_of
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.reader import read_volume

STUDIES = SAMPLE / "studies"
BOUNDARY = "lesion-tracker-sample"
TIMEOUT_S = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("folder", type=Path, help="for the DICOM files; one folder a study")
    parser.add_argument(
        "--store", default="", metavar="ADDRESS", help="DICOMweb address that takes them, http://…/dicom-web"
    )
    parser.add_argument("--user", default="", help="NAME:PASSWORD of the PACS")


def run(args: argparse.Namespace) -> int:
    """Write, send, and say which studies they are."""
    studies = sorted(STUDIES.glob("*.nii.gz"))
    if not studies:
        raise InputError(f"there are no studies in {STUDIES}: the sample is not part of this copy")
    for path in studies:
        study_uid, files = write(path, args.folder)
        if args.store:
            store(files, args.store.rstrip("/"), args.user)
        print(f"{path.name}: {len(files)} files, StudyInstanceUID {study_uid}")
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
        PacsError: if the PACS does not take them.
    """
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + file.read_bytes() + b"\r\n" for file in files) + f"--{BOUNDARY}--".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
    name, _, password = user.partition(":")
    login = (name, password) if user else None
    try:
        answer = requests.post(f"{address}/studies", data=body, headers=headers, auth=login, timeout=TIMEOUT_S)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise PacsError(f"{address} did not take the studies: {error}") from None
