"""`evaluate-response`: what predicted diameters say about growth and treatment response (Table 4 of the paper)."""

import argparse
from pathlib import Path

from lesion_tracker.commands.evaluation_report import require_report_folder, write_page
from lesion_tracker.commands.outputs import require_folder_of
from lesion_tracker.errors import InputError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.paper.diameters import read_diameter_pairs, read_predicted, response_rows
from lesion_tracker.report.evaluation_table import response_markdown
from lesion_tracker.scoring.provenance import provenance

PAGE = "response.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("annotations", type=Path, help="true diameters: a file of the benchmark in either form")
    parser.add_argument(
        "--diameters",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help='predicted diameters, {"diameters_mm": {"0001": 23.4, …}}; a row each',
    )
    parser.add_argument("--out", type=Path, required=True, help="response.json")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help=f"write {PAGE} there")


def run(args: argparse.Namespace) -> int:
    """Write the table and print it; return 0."""
    require_folder_of(args.out, read=[args.annotations, *args.diameters])
    pairs = read_diameter_pairs(args.annotations)
    stems = [path.stem for path in args.diameters]
    if len(set(stems)) < len(stems):
        raise InputError(f"two files of --diameters have the same name: {stems}; their rows could not be told apart")
    predicted = {path.stem: read_predicted(path, pairs) for path in args.diameters}
    require_report_folder(args.report)
    rows = response_rows(pairs, predicted)
    text = response_markdown(rows, f"Treatment response, {args.annotations.name}")
    write_json({"schema": 1, "rows": rows, "provenance": provenance([args.annotations, *args.diameters])}, args.out)
    if args.report:
        write_page(text + "\n", args.report / PAGE)
    print(text)
    return 0
