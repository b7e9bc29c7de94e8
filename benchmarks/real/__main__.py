"""`python -m benchmarks.real`: every method on real people, whole studies, smaller fields and slabs; writes RESULTS.md."""

import argparse
import os
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks.accuracy.data import DATA, MODEL
from benchmarks.accuracy.measure import measure
from benchmarks.accuracy.store import Store, code_of
from benchmarks.accuracy.weights import judged_by, usable_weights
from benchmarks.real.cases import SEED, all_cases
from benchmarks.real.page import markdown
from benchmarks.registration.page import machine
from lesion_tracker.registration.preload import preload

HERE = Path(__file__).resolve().parent
ANSWERING = ("lesion_tracker.tracking.session", "lesion_tracker.registration.pool_process")
HEAD = """\
# Real people

    python -m benchmarks.real

Weights {weights}, code {code}; on {machine}; load at the end {load:.1f}.

All pairs are two states of one patient, of three patients, one of them with two follow-ups; nothing was trained on them. Silver
points and nodes are themselves 1 to 3 mm uncertain.

- Whole: the evaluation files of `pairs/` as they are.
- Smaller fields: halves of the body and 220 mm round a point, of both studies, of the later and of the earlier one; three
  points a pair, at least 8 mm from the edges.
- Slabs: one slice through a point, repeated to 45 mm, of both states and both ways in time; as it is, in steps of 8 bits,
  with noise of 30 HU, or the later one taken from the slice beside. Nothing tells where along z a point lies: errors count
  in the plane.

Right is at most the lesion's radius and at most 10 mm off; wrong is any other point. A refused pair has all its lesions
missed: neither answered nor right. Errors and seconds are median (lowest to highest); errors of all answered lesions, seconds
of a pair's first lesion, volumes in memory, nothing remembered. They mean something only on an idle machine."""


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder with weights and card")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with pairs/")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", default="", help="cases whose name holds this text; the page is printed, not written")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    args = parser.parse_args()
    model = usable_weights(args.model, args.device)
    if model is None:
        return 2
    if not (args.data / "pairs").is_dir():
        print(f"there are no pairs in {args.data}: name it by --data or BENCHMARK_DATA", file=sys.stderr)
        return 2
    preload()
    code = code_of(*ANSWERING)
    judged = judged_by(model.card)
    key = {"weights": model.sha256, "card": judged.pop("calibration"), **judged, "code": code, "seed": SEED}
    store = Store("real", key)
    cases = [case for case in all_cases(args.data / "pairs") if args.only in case.name]
    for case in tqdm([case for case in cases if case.name not in store.records], unit="pair"):
        store.add(measure(case, model, 0.0, SEED))
    head = HEAD.format(weights=model.sha256[:12], code=code, machine=machine(), load=os.getloadavg()[0])
    page = markdown([store.records[case.name] for case in cases], head)
    if not args.only:
        args.out.write_text(page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
