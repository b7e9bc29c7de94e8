"""`python -m benchmarks.calibration --model DIR`: fit the confidences of published weights, and write them into their card."""

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks.accuracy.card import write_card
from benchmarks.accuracy.data import DATA, MODEL
from benchmarks.accuracy.parallel import run_in_order
from benchmarks.accuracy.store import MAKING, Store, code_of
from benchmarks.accuracy.weights import usable_weights
from benchmarks.calibration.fit import calibrate, examples_of
from benchmarks.calibration.jobs import cases_of, collect_one
from lesion_tracker.network.weights import CARD_FILE
from lesion_tracker.tracking.confidence import Calibration

SEED = 7001
EVIDENCE = (
    "lesion_tracker.tracking.look",
    "lesion_tracker.tracking.registered",
    "lesion_tracker.registration.pool_process",
    "lesion_tracker.training.examples.constructed",
)
"""The modules that decide the evidence; what is made from it may change without measuring anew."""


def main() -> int:
    """Collect evidence, fit, write the card."""
    args = _arguments()
    model = usable_weights(args.model, args.device)
    if model is None:
        return 2
    cases = cases_of(args)
    store = Store("calibration", {"weights": model.sha256, "code": _code(), "seed": args.seed, "device": args.device})
    folder = store.path.with_suffix("")
    folder.mkdir(exist_ok=True)
    missing = [case.name for case in cases if case.name not in store.records][: args.part or None]
    done = run_in_order(
        collect_one, [(args, name, folder / f"{name.replace('/', '_')}.npz") for name in missing], args.processes
    )
    for record in tqdm(done, unit="pair", total=len(missing), disable=args.silent):
        store.add(record)
    if any(case.name not in store.records for case in cases):
        return 3
    records = [store.records[case.name] for case in cases]
    fitted, quality = calibrate(examples_of(records))
    quality["failed"] = {r["pair"]: r["failed"] for r in records if "failed" in r}
    print(json.dumps(quality, indent=1))
    if not args.dry_run:
        write_calibration(args.model / CARD_FILE, fitted, quality)
    return 0


def write_calibration(path: Path, fitted: Calibration, quality: dict) -> None:
    """Put a calibration into a card, which appears whole or not at all."""
    held = {**fitted.to_json(), "held_out": quality, "command": "python -m benchmarks.calibration"}
    write_card(path, "calibration", held)


def _code() -> str:
    """Return the hash of what decides the evidence; of tracking that is search, similarity and evidence."""
    return code_of(*MAKING, *EVIDENCE)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder with weights and card; the card is changed")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/")
    parser.add_argument("--pairs", type=int, default=8, help="constructed pairs of the benchmark's family")
    parser.add_argument("--failing", type=int, default=8, help="pairs of that family that are made to fail")
    parser.add_argument("--part", type=int, default=0, help="collect at most so many pairs, then stop; 0: all")
    parser.add_argument("--trained", type=int, default=4, help="constructed pairs of the training's family")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dry-run", action="store_true", help="print how good it is, leave the card alone")
    parser.add_argument("--processes", type=int, default=1, help="pairs at once")
    parser.add_argument("--silent", action="store_true", help="no progress bar")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
