"""Several weights on the same constructed pairs of a run's validation studies: the place, and what vanished.

PYTHONPATH=apps/lesion_tracker:. python benchmarks/training/compare.py apps/lesion_tracker/model/v2.toml \
        --data prepared --weights apps/lesion_tracker/model runs/v2/model --pairs 100
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.accuracy.reliability import area_under_curve
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.network.weights import load_tracker
from lesion_tracker.tracking.search import NetworkAnswer, search_sources
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.run.settings import TrainingSettings, read_settings
from lesion_tracker.training.run.start import RunData, read_data
from lesion_tracker.training.run.validation import SEED, validate


def implants(
    tracker: Tracker, data: RunData, settings: TrainingSettings, pairs: int
) -> Iterator[tuple[bool, NetworkAnswer]]:
    """Yield for implanted lesions, every other of which has vanished, whether it is there and what the network says."""
    for number in range(pairs):
        scenario = replace(settings.scenario, implant=1.0, vanished=float(number % 2), outside=0.0, outlined=0.0)
        rng = np.random.default_rng([SEED, number, 1])
        pair = draw_constructed_pair(data.validation, data.errors, scenario, rng)
        lesion = pair.lesions[0]
        if lesion.kind in ("implant", "vanished"):
            clicked, expected = (lesion.clicked_mm, lesion.radius_mm), (lesion.expected_mm, lesion.followup_radius_mm)
            sources = pair.baseline.source(), pair.followup.source()
            yield lesion.kind == "implant", search_sources(tracker, sources[0], clicked, sources[1], expected)


def row(folder: Path, data: RunData, settings: TrainingSettings, pairs: int) -> str:
    """Return what one model is worth, as a paragraph."""
    tracker = load_tracker(folder)
    place = validate(tracker, data.validation, data.errors, settings.scenario, pairs).sentence()
    found = list(implants(tracker, data, settings, pairs))
    there = np.array([is_there for is_there, _ in found])
    signs = {"the map's peak": np.array([answer.logit for _, answer in found])}
    if tracker.config.presence:
        signs["the head"] = np.array([answer.presence for _, answer in found])
    absent = ", ".join(f"{name} {area_under_curve(sign, there):.3f}" for name, sign in signs.items())
    gone = f"AUC of {int(there.sum())} implants against {int((~there).sum())} vanished ones: {absent}"
    return f"{folder} ({tracker.name}, {tracker.card.get('steps')} steps)\n  place: {place}\n  {gone}"


def main() -> None:
    """Print a paragraph for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="settings of a run: its validation studies and scenario are used")
    parser.add_argument("--data", type=Path, required=True, help="prepared arrays")
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="folders of models")
    parser.add_argument("--pairs", type=int, default=100, help="of each of both kinds")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    torch.set_num_threads(1)
    settings = read_settings(args.config, args.data, Path("unused"))
    data = read_data(settings)
    for folder in args.weights:
        print(row(folder, data, settings, args.pairs), flush=True)


if __name__ == "__main__":
    main()
