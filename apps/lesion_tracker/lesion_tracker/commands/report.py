"""`report`: a patient's lesions in all studies, measured: table, response, pictures, DICOM; without a server."""

import argparse
from pathlib import Path

from lesion_tracker.errors import InputError
from lesion_tracker.places import MODEL
from lesion_tracker.report.dicom_results import dicom_results
from lesion_tracker.report.patient_folder import PAGE, write_patient
from lesion_tracker.report.patient_table import results_text
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.results.gather import Results
from lesion_tracker.server.studies.opening import open_studies
from lesion_tracker.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("patient", help="PatientID, as the review page shows it")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for page, table, pictures and DICOM")
    parser.add_argument(
        "--studies", default=".", help="folder of studies, or address of a PACS, as of `serve` (default: this folder)"
    )
    parser.add_argument("--reader", default="", help="who reports; stands in the report")
    parser.add_argument("--data-dir", type=Path, help="folder of the marks of a PACS's studies, as of `serve`")


def run(args: argparse.Namespace) -> int:
    """Measure, write, print the table; return 0."""
    if args.out.exists() and not args.out.is_dir():
        raise InputError(f"--out is a folder, and {args.out} is a file")
    if not args.studies.startswith(("http://", "https://")):
        _require_marks(Path(args.studies))
    settings = Settings(data_dir=args.data_dir)
    opened = open_studies(args.studies, settings, read_only=True)
    fetch, guard = (opened.catalog.fetch, opened.pacs.read) if opened.pacs else (None, None)
    engine = Engine(settings, opened.folder / ".lesion_tracker", MODEL, fetch, guard)
    results = Results(opened.catalog, opened.marks, engine, BoundMarks(opened.marks, engine))
    patient = results.patient(args.patient)
    told = write_patient(
        args.out,
        patient,
        engine.volume,
        lambda study: dicom_results(opened.catalog.fetch(study.study), study, args.reader),
        args.reader,
    )
    print(results_text(patient))
    print("\n".join(told))
    print(f"written: {args.out / PAGE}")
    return 0


def _require_marks(studies: Path) -> None:
    """Refuse a folder in which nobody has marked anything: to look for marks there would make a folder for them."""
    if not studies.is_dir():
        raise InputError(f"--studies: there is no folder {studies}")
    if not (studies / "labels").is_dir():
        raise InputError(f"--studies: nothing was ever marked in {studies}: is it the folder that a server serves?")
