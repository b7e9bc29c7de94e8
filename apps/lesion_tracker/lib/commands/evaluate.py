"""`evaluate`: track the lesions of a pairs file and score the answers against its truth."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lib.commands.options import add_method_arguments, cache_of, tracker_of
from lib.commands.outputs import require_folder_of
from lib.commands.pair_run import PairRun, run_pair
from lib.errors import LesionTrackerError
from lib.evaluation.json_file import write_json
from lib.evaluation.pairs_file import PairEntry, PairLesion, lesion_keys, read_pairs
from lib.evaluation.scores_file import scores_json
from lib.metrics.cpm import score
from lib.registration.preload import preload
from lib.report.scores_table import scores_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("pairs", type=Path, help="pairs file; its paths are relative to its folder")
    parser.add_argument("--out", type=Path, required=True, help="scores.json")
    add_method_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Track all pairs, write the scores and print them; return 0."""
    require_folder_of(args.out)
    pairs = read_pairs(args.pairs)
    model, cache = tracker_of(args), cache_of(args)
    preload()
    runs = []
    for number, entry in enumerate(pairs, start=1):
        print(f"pair {number} of {len(pairs)}: {entry.followup.name}", file=sys.stderr)
        lesions = [lesion.lesion for lesion in entry.lesions]
        try:
            runs.append(run_pair(entry.baseline, entry.followup, lesions, args.method, model, cache))
        except LesionTrackerError as error:
            raise type(error)(f"{args.pairs}: pair {number}: {error}") from error
    differences = _differences(pairs, runs)
    scores = score(differences, np.array([lesion.score_radius_mm for lesion in _lesions(pairs)]))
    names = [name for of_pair in lesion_keys(pairs) for name in of_pair]
    errors_mm = dict(zip(names, np.linalg.norm(differences, axis=1).tolist(), strict=True))
    write_json(scores_json(scores, _method(runs), [done.seconds for done in runs], errors_mm), args.out)
    print(scores_table(scores))
    return 0


def _lesions(pairs: Sequence[PairEntry]) -> list[PairLesion]:
    return [lesion for pair in pairs for lesion in pair.lesions]


def _differences(pairs: Sequence[PairEntry], runs: Sequence[PairRun]) -> np.ndarray:
    answers = [track.center_mm for done in runs for track in done.tracks]
    return np.array(answers) - np.array([lesion.followup_mm for lesion in _lesions(pairs)])


def _method(runs: Sequence[PairRun]) -> str:
    """Name what answered: a method that fell back to another says so in its tracks."""
    return ", ".join(dict.fromkeys(track.method for done in runs for track in done.tracks))
