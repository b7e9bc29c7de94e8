"""`python -m benchmarks.calibration --model DIR`: fit choice and judgement of weights into their card; writes RESULTS.md."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.accuracy.card import write_card
from benchmarks.accuracy.data import DATA, MODEL
from benchmarks.accuracy.parallel import run_in_order
from benchmarks.accuracy.store import MAKING, Store, code_of
from benchmarks.accuracy.weights import usable_weights
from benchmarks.calibration.fit import calibrate, examples_of
from benchmarks.calibration.jobs import cases_of, collect_one
from benchmarks.calibration.judge_fit import ALONE, EVIDENCE, Names, fit_judgement, held_out
from benchmarks.calibration.judge_page import page
from benchmarks.calibration.stored import file_of, stored_of
from lesion_tracker.files.whole import write_text
from lesion_tracker.network.weights import CARD_FILE
from lesion_tracker.tracking.confidence import Calibration

SEED = 7001
HERE = Path(__file__).resolve().parent
COMMAND = "python -m benchmarks.calibration"
DECIDING = (
    "lesion_tracker.tracking.case_search",
    "lesion_tracker.tracking.evidence",
    "lesion_tracker.tracking.patch",
    "lesion_tracker.tracking.registered",
    "lesion_tracker.registration.pool_process",
    "lesion_tracker.training.examples.constructed",
)
"""The modules that decide what is collected; what is made from it may change without collecting anew."""


def main() -> int:
    """Collect evidence, fit, write the card and the page."""
    args = _arguments()
    model = usable_weights(args.model, args.device)
    if model is None:
        return 2
    code = code_of(*MAKING, *DECIDING)
    store = Store("calibration", {"weights": model.sha256, "code": code, "seed": args.seed, "device": args.device})
    folder = store.path.with_suffix("")
    folder.mkdir(exist_ok=True)
    cases = cases_of(args)
    missing = [case.name for case in cases if case.name not in store.records]
    jobs = [(args, name, file_of(folder, name)) for name in missing[: args.part or None]]
    done = run_in_order(collect_one, jobs, args.processes)
    for record in tqdm(done, unit="pair", total=len(jobs), disable=args.silent):
        store.add(record)
    if len(jobs) < len(missing) and not args.so_far:
        print(f"{len(missing) - len(jobs)} of {len(cases)} pairs are left; the same command goes on", file=sys.stderr)
        return 3
    records = [store.records[case.name] for case in cases if case.name in store.records]
    return _fit(args, records, folder, {"weights": model.sha256, "code": code})


def _fit(args: argparse.Namespace, records: list[dict[str, Any]], folder: Path, about: dict[str, Any]) -> int:
    started = time.perf_counter()
    failed = {record["pair"]: record["failed"] for record in records if "failed" in record}
    usable = [record for record in records if "failed" not in record]
    lesions = stored_of(usable, folder)
    fitted, quality = calibrate(examples_of(usable))
    rules, answers, neighbours = fit_judgement(lesions, about["weights"], fitted)
    if rules.judgement is None:
        raise ValueError("the fit gave no judgement")
    counted = rules.judgement.neighbours
    others = {
        "without what is left of the lesion": held_out(lesions, fitted.agree_mm, counted, Names(EVIDENCE, EVIDENCE)),
        "without neighbours": held_out(lesions, fitted.agree_mm, ALONE, Names()),
    }
    minutes = sum(record["seconds"] for record in records) / 60
    about |= {"minutes": minutes, "fitted": (time.perf_counter() - started) / 60}
    text = page(answers, rules, others, neighbours, about)
    print(text)
    if not args.dry_run:
        quality["failed"] = failed
        write_calibration(args.model / CARD_FILE, rules.calibration, quality)
        write_card(args.model / CARD_FILE, "judgement", {**rules.judgement.to_json(), "command": COMMAND})
        write_text(text, HERE / "RESULTS.md")
    return 0


def write_calibration(path: Path, fitted: Calibration, quality: dict) -> None:
    """Put a calibration into a card, which appears whole or not at all."""
    write_card(path, "calibration", {**fitted.to_json(), "held_out": quality, "command": COMMAND})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder with weights and card; the card is changed")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/")
    parser.add_argument("--pairs", type=int, default=12, help="constructed pairs of the benchmark's family")
    parser.add_argument("--failing", type=int, default=10, help="pairs of that family that are made to fail")
    parser.add_argument("--trained", type=int, default=6, help="constructed pairs of the training's family")
    parser.add_argument("--part", type=int, default=0, help="collect at most so many pairs, then stop; 0: all")
    parser.add_argument("--so-far", action="store_true", help="fit with the pairs that are there")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dry-run", action="store_true", help="print how good it is, leave card and page alone")
    parser.add_argument("--processes", type=int, default=1, help="pairs at once")
    parser.add_argument("--silent", action="store_true", help="no progress bar")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
