"""`evaluate`: track the lesions of a pairs file and score the answers against its truth."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lesion_tracker.commands.evaluation_report import add_report_argument, require_report_folder, write_evaluation
from lesion_tracker.commands.options import add_tracking_arguments, cache_of, track_options_of, tracker_of
from lesion_tracker.commands.outputs import require_folder_of
from lesion_tracker.errors import LesionTrackerError, RegistrationFailed
from lesion_tracker.records.counted import counted
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.registration.preload import preload
from lesion_tracker.report.scores_table import scores_table
from lesion_tracker.scoring.pair_answers import pair_answers
from lesion_tracker.scoring.pairs_file import PairEntry, read_pairs
from lesion_tracker.scoring.provenance import provenance
from lesion_tracker.scoring.scores_file import evaluation_json
from lesion_tracker.scoring.summary import scores_of
from lesion_tracker.tracking.pair import Pair, read_pair
from lesion_tracker.tracking.session import Tracked, session
from lesion_tracker.volumes.inside import outside_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("pairs", type=Path, help="pairs file; its paths are relative to its folder")
    parser.add_argument("--out", type=Path, required=True, help="scores.json")
    add_report_argument(parser)
    add_tracking_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Track all pairs, write the scores and print them; return 0."""
    require_folder_of(args.out, read=[args.pairs])
    pairs = read_pairs(args.pairs)
    require_report_folder(args.report)
    model, options = tracker_of(args), replace(track_options_of(args), measure="no")  # places are scored
    cache = cache_of(args)
    preload()
    runs: list[Tracked | None] = []
    refused: list[dict[str, Any]] = []
    for number, entry in enumerate(pairs, start=1):
        print(f"pair {number} of {len(pairs)}: {entry.followup.name}", file=sys.stderr)
        try:
            runs.append(session(partial(_opened, entry), options, published=lambda: (model, ""), cache=cache))
        except RegistrationFailed as error:
            runs.append(None)
            refused.append({"pair": number, "lesions": len(entry.lesions), "why": str(error)})
            print(f"refused: pair {number}, {_lesions(len(entry.lesions))}: {error}", file=sys.stderr)
        except LesionTrackerError as error:
            raise type(error)(f"{args.pairs}: pair {number}: {error}") from error
    given = [done for done in runs if done is not None]
    if not given:
        raise RegistrationFailed(f"{args.pairs}: all pairs were refused; pair 1: {refused[0]['why']}")
    answers = pair_answers(pairs, [(done.pair.followup.grid, done.tracks) if done else None for done in runs])
    inputs = [args.pairs, *(path for entry in pairs for path in (entry.baseline, entry.followup))]
    made = provenance(inputs, model)
    data = evaluation_json(answers, _method(given), [done.seconds for done in given], made) | {"refused": refused}
    write_evaluation(args.out, args.report, data, answers, f"{args.pairs.name}: {args.method}")
    print(scores_table(scores_of(answers)))
    if refused:
        print(f"refused       {len(refused)} of {len(pairs)} pairs, {_lesions(sum(one['lesions'] for one in refused))}")
    return 0


def _lesions(count: int) -> str:
    return f"{counted(count, 'lesion')} missed"


def _opened(entry: PairEntry) -> tuple[Pair, list[Lesion]]:
    """Read a pair, whoever and whenever it is of: an evaluation may go backward in time, and says so."""
    pair = read_pair(entry.baseline, entry.followup, any_pair=True, option="evaluate")
    truths = ((one.lesion.id, np.array(one.followup_mm)) for one in entry.lesions)
    grid, study = pair.followup.grid, f"the follow-up {pair.followup_id!r}"
    outside = [f"{name!r}: {outside_text(at, grid, study)}" for name, at in truths if not grid.contains(at[None])[0]]
    for note in (*pair.warnings, *outside):
        print(f"warning: {note}", file=sys.stderr)
    return pair, [one.lesion for one in entry.lesions]


def _method(runs: Sequence[Tracked]) -> str:
    """Name what answered: a method that fell back to another says so in its tracks."""
    return ", ".join(dict.fromkeys(track.method for done in runs for track in done.tracks))
