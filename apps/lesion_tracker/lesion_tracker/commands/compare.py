"""`compare`: two sets of answers to the same lesions, paired: differences with intervals, wins and losses."""

import argparse
from pathlib import Path

from lesion_tracker.commands.evaluation_report import require_report_folder, write_page
from lesion_tracker.commands.outputs import require_folder_of
from lesion_tracker.files.json_file import write_json
from lesion_tracker.paper.answers_file import read_answers
from lesion_tracker.paper.dls_file import DEFAULT_KEY
from lesion_tracker.report.evaluation_figures import write_figures
from lesion_tracker.report.evaluation_table import comparison_markdown
from lesion_tracker.scoring.comparison import compare
from lesion_tracker.scoring.provenance import provenance

PAGE = "comparison.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("first", type=Path, help="a scores.json, or a file of the benchmark in either form")
    parser.add_argument("second", type=Path, help="the same of the other side")
    parser.add_argument("--key", default=DEFAULT_KEY, help="the centre of the first, if a benchmark's file")
    parser.add_argument("--second-key", default=DEFAULT_KEY, help="the centre of the second, likewise")
    parser.add_argument("--out", type=Path, required=True, help="comparison.json")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help=f"write {PAGE} and figures of both there")


def run(args: argparse.Namespace) -> int:
    """Write the comparison and print it; return 0."""
    require_folder_of(args.out, read=[args.first, args.second])
    first, second = read_answers(args.first, args.key), read_answers(args.second, args.second_key)
    require_report_folder(args.report)
    found = compare(first, second).to_json()
    names = _name(args.first, args.key), _name(args.second, args.second_key)
    text = comparison_markdown(found, *names, title="Two sets of answers")
    made = provenance([args.first, args.second])
    write_json({"schema": 1, "first": names[0], "second": names[1], **found, "provenance": made}, args.out)
    if args.report:
        write_page(text + "\n", args.report / PAGE)
        shown = names if names[0] != names[1] else ("first", "second")
        write_figures(args.report, dict(zip(shown, (first, second), strict=True)))
    print(text)
    return 0


def _name(path: Path, key: str) -> str:
    return path.name if key == DEFAULT_KEY else f"{path.name}, {key}"
