"""`read-report`: DICOM structured reports of this product or of OHIF to a lesions file, which `track` takes."""

import argparse
import sys
from pathlib import Path

from lesion_tracker.commands.outputs import require_folder_of
from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.measurement import radius_of
from lesion_tracker.report.dicom_source import read_source
from lesion_tracker.report.dicom_sr_reading import FoundLesion, found_in_file
from lesion_tracker.report.found_match import offers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("reports", type=Path, nargs="+", metavar="REPORT", help="DICOM SR (TID 1500)")
    parser.add_argument("--series", type=Path, required=True, metavar="FOLDER", help="the DICOM series they measure")
    parser.add_argument("--out", type=Path, required=True, help="lesions.json")


def run(args: argparse.Namespace) -> int:
    """Write the lesions, and a line for each; return 0."""
    require_folder_of(args.out, read=args.reports)
    missing = next((path for path in args.reports if not path.is_file()), None)
    if missing:
        raise FileFormatError(f"there is no file {missing}")
    source = read_source(args.series)
    found = [found_in_file(path, source) for path in args.reports]
    for line in dict.fromkeys(line for one in found for line in one.passed_over):
        print(f"warning: {line}", file=sys.stderr)
    chosen = [offer.found for offer in offers([lesion for one in found for lesion in one.lesions], [], "")]
    sized = sorted((one for one in chosen if one.long_axis_mm), key=lambda one: one.name)
    if not sized:
        raise InputError("the reports measure no lesion of this series: nothing was written")
    lesions = [_lesion(number, one) for number, one in enumerate(sized, start=1)]
    write_json({"lesions": [one.to_json() for one in lesions]}, args.out)
    for lesion, one in zip(lesions, sized, strict=True):
        axes = (
            f"{one.long_axis_mm:.1f} x {one.short_axis_mm:.1f} mm"
            if one.short_axis_mm
            else f"{one.long_axis_mm:.1f} mm"
        )
        print(f"{lesion.id}  {lesion.label}  {axes}  {one.made_by}")
    return 0


def _lesion(number: int, one: FoundLesion) -> Lesion:
    return Lesion(
        f"lesion_{number}", one.center_mm, radius_of(one.long_axis_mm or 0.0), one.name[:64], one.tracking_uid
    )
