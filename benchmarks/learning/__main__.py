"""`python -m benchmarks.learning`: MED before and after 20 corrections, on two base volumes that nothing was trained on."""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "apps" / "lesion_tracker"))

import numpy as np
import torch

from benchmarks.learning.constructed_lessons import Domain, construct, mislabelled
from lib.errors import LesionTrackerError
from lib.network.tracker import Tracker
from lib.network.weights import CARD_FILE, WEIGHTS_FILE, load_tracker
from lib.training.fine_tuning import FineTuningSettings
from lib.training.gate import corrected_errors
from lib.training.learning import Learning, Outcome
from lib.training.lesson_data import prepare_lessons
from lib.training.lessons import Lesson
from lib.training.progress import ProgressFile
from lib.training.publish import SHIPPED, ModelStore
from lib.training.validation_inputs import FILE_NAME, read_inputs

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "apps" / "lesion_tracker" / "model"
TAUGHT_ON = ("chest_cmb_crc_01068", "abdomen_hcc_006")
TESTED_ON = ("chest_acrin_013", "abdomen_cptac_00189")
"""Held out from the training of the shipped weights (their card: validation_data), and from fine-tuning."""

AIM = 0.25
SHIFT_MM = 15.0


def main() -> int:
    """Measure, write the results, and say whether the aims are reached."""
    args = _arguments()
    torch.set_num_threads(args.threads)
    weights = args.weights or (MODEL if (MODEL / CARD_FILE).exists() else MODEL / "first_part")
    try:
        parent = load_tracker(weights, args.device)
    except (LesionTrackerError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    corrections, tested_lesions = (8, 8) if args.quick else (args.corrections, args.tested)
    settings = FineTuningSettings(
        steps=36 if args.quick else args.steps,
        minutes=args.minutes,
        learning_rate=args.learning_rate,
        device=args.device,
        threads=args.threads,
    )
    started = time.monotonic()
    taught = construct(args.data / "volumes", TAUGHT_ON, corrections, seed=31)
    tested = construct(args.data / "volumes", TESTED_ON, tested_lesions, seed=32)
    validation = read_inputs(MODEL / "validation" / FILE_NAME)
    if args.quick:
        validation = validation[::5]
    with tempfile.TemporaryDirectory(prefix="learning_") as name:
        place = Path(name)
        pairs = prepare_lessons(tested.lessons, tested.volumes.__getitem__, place / "tested")
        before = corrected_errors(parent, pairs)[0]
        right = _learn(place / "right", weights, parent, settings, taught, taught.lessons, validation)
        after = corrected_errors(_version(place / "right", right, args.device), pairs)[0]
        wrong = None
        if not args.right_only:
            lessons = mislabelled(taught.lessons, SHIFT_MM, seed=33)
            wrong = _learn(place / "wrong", weights, parent, settings, taught, lessons, validation)
    lower = 1 - float(np.mean(after)) / float(np.mean(before))
    results: dict[str, Any] = {
        "weights": {"name": parent.name, "sha256": parent.sha256},
        "domain": "8 mm slices, sharp kernel (unsharp mask 2.0), noise of 60 HU",
        "taught_on": {"base_volumes": TAUGHT_ON, "corrections": len(taught.lessons)},
        "tested_on": {"base_volumes": TESTED_ON, "lesions": len(before)},
        "med_before_mm": round(float(np.mean(before)), 2),
        "med_after_mm": round(float(np.mean(after)), 2),
        "lower_by": round(lower, 3),
        "gate_right_set": {"published": right.decision.publish, "reason": right.decision.reason},
        "gate_mislabelled_set": None
        if wrong is None
        else {"published": wrong.decision.publish, "reason": wrong.decision.reason},
        "settings": {key: getattr(settings, key) for key in ("steps", "minutes", "learning_rate", "replay", "seed")},
        "seconds": round(time.monotonic() - started),
        "quick": args.quick,
    }
    print(json.dumps(results, indent=1))
    if not args.quick:
        args.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    reached = lower >= AIM and (wrong is None or not wrong.decision.publish)
    print(f"aims {'reached' if reached else 'NOT reached'}: MED lower by {100 * lower:.0f} % (aim {100 * AIM:.0f} %)")
    return 0


def _learn(
    place: Path,
    weights: Path,
    parent: Tracker,
    settings: FineTuningSettings,
    domain: Domain,
    lessons: list[Lesson],
    validation: list[Any],
) -> Outcome:
    """Run what the trainer of the server runs, on a copy of the weights."""
    store = ModelStore(place / "model")
    store.folder.mkdir(parents=True)
    for file in (WEIGHTS_FILE, CARD_FILE):
        shutil.copy(weights / file, store.folder / file)
    progress = ProgressFile(place / "training" / "train_stats.json")
    run = Learning(store, parent, SHIPPED, settings, validation, place / "training", progress)
    outcome = run.run(lessons, domain.volumes.__getitem__)
    print(f"{place.name}: {progress.now.result}", flush=True)
    return outcome


def _version(place: Path, outcome: Outcome, device: str) -> Tracker:
    return load_tracker(ModelStore(place / "model").folder_of(outcome.version), device)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--weights", type=Path, help="folder of the weights; default: the published ones, else the candidate"
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--corrections", type=int, default=20)
    parser.add_argument("--tested", type=int, default=40, help="lesions on the held-out base volumes")
    parser.add_argument("--steps", type=int, default=FineTuningSettings().steps)
    parser.add_argument("--minutes", type=float, default=FineTuningSettings().minutes)
    parser.add_argument("--learning-rate", type=float, default=FineTuningSettings().learning_rate)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--right-only", action="store_true", help="leave the mislabelled set out")
    parser.add_argument(
        "--quick", action="store_true", help="8 corrections and a few steps: shows that it runs, not the aim"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "learning" / "results.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
