"""`evaluate-dls`: score the answers of a file of the Deep Lesion Tracker's benchmark, in both of its forms."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lib.commands.outputs import require_folder_of
from lib.evaluation.dls_file import DEFAULT_KEY, DlsPrediction, read_dls
from lib.evaluation.json_file import write_json
from lib.evaluation.scores_file import scores_json
from lib.metrics.cpm import score
from lib.report.scores_table import scores_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("predictions", type=Path, help='{"0001": {…}} or {"results": [{…}]}')
    parser.add_argument("--key", default=DEFAULT_KEY, help="the centre to score (default: %(default)r)")
    parser.add_argument("--out", type=Path, required=True, help="scores.json")


def run(args: argparse.Namespace) -> int:
    """Write the scores and print them; return 0."""
    require_folder_of(args.out)
    answers = read_dls(args.predictions, args.key)
    differences = np.array([answer.difference_mm for answer in answers])
    scores = score(differences, np.array([answer.radius_mm for answer in answers]))
    errors_mm = {a.id: float(np.linalg.norm(a.difference_mm)) for a in answers}
    write_json(scores_json(scores, args.key, _seconds(answers), errors_mm), args.out)
    print(scores_table(scores))
    print(f"in the box    {100 * np.mean([answer.inside_box for answer in answers]):.2f} %   (a looser score)")
    return 0


def _seconds(answers: Sequence[DlsPrediction]) -> list[dict[str, float]]:
    return [{"total": answer.seconds} for answer in answers if answer.seconds is not None]
