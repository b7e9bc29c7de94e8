"""`evaluate-dls`: score the answers of a file of the Deep Lesion Tracker's benchmark, in both of its forms."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lesion_tracker.commands.evaluation_report import add_report_argument, require_report_folder, write_evaluation
from lesion_tracker.commands.outputs import require_folder_of
from lesion_tracker.paper.dls_file import DEFAULT_KEY, read_dls
from lesion_tracker.paper.dls_jobs import require_same_truth
from lesion_tracker.report.scores_table import in_box_line, scores_table
from lesion_tracker.scoring.answers import Answer
from lesion_tracker.scoring.comparison import matched
from lesion_tracker.scoring.provenance import provenance
from lesion_tracker.scoring.scores_file import evaluation_json
from lesion_tracker.scoring.summary import scores_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("predictions", type=Path, help='{"0001": {…}} or {"results": [{…}]}')
    parser.add_argument("--key", default=DEFAULT_KEY, help="the centre to score (default: %(default)r)")
    parser.add_argument("--out", type=Path, required=True, help="scores.json")
    parser.add_argument(
        "--annotations",
        type=Path,
        help="the benchmark's own file; other lesions or another truth are refused",
    )
    add_report_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Write the scores and print them; return 0."""
    require_folder_of(args.out, read=[args.predictions, args.annotations])
    answers = read_dls(args.predictions, args.key)
    inputs = [args.predictions]
    if args.annotations:
        matched([answer for answer in answers if not answer.shift], read_dls(args.annotations, "target center"))
        require_same_truth(args.predictions, args.annotations)
        inputs.append(args.annotations)
    require_report_folder(args.report)
    data = evaluation_json(answers, args.key, _seconds(answers), provenance(inputs))
    write_evaluation(args.out, args.report, data, answers, f"{args.predictions.name}: {args.key}")
    print(scores_table(scores_of(answers)))
    print(in_box_line([answer.inside_box for answer in answers]))
    return 0


def _seconds(answers: Sequence[Answer]) -> list[dict[str, float]]:
    return [{"total": answer.seconds} for answer in answers if answer.seconds is not None]
