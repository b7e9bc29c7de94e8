"""Suggest what became of constructed lesions; write RESULTS.md and results.json.

python -m benchmarks.fates             about two minutes a pair on one core; a stopped run goes on where it was
python -m benchmarks.fates --quick     one small pair
"""

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks.accuracy.data import CACHE, DATA, FINAL, MODEL, study
from benchmarks.accuracy.store import Store, code_of
from benchmarks.accuracy.weights import judged_by, usable_weights
from benchmarks.fates.page import page
from benchmarks.fates.run import suggested_for
from benchmarks.fates.scenario import COUNTS, fates_pair
from lesion_tracker.files.whole import write_text

SEED = 18
PAIRS = 10
QUICK = dict.fromkeys(COUNTS, 1)
DECIDING = (
    *("benchmarks.constructed.hard_render", "benchmarks.constructed.hard_scenario", "benchmarks.constructed.places"),
    *("benchmarks.fates.scenario", "benchmarks.fates.run"),
    *(
        "lesion_tracker.tracking.session",
        "lesion_tracker.registration.pool_process",
        "lesion_tracker.report.suggestions",
    ),
)
"""The modules that make the pairs, and that answer: with what they import, they decide a result."""


def main() -> int:
    """Do what is not yet done, and write the page."""
    args = _arguments()
    model = usable_weights(args.model, "cpu")
    if model is None:
        return 2
    pairs, counts = (1, QUICK) if args.quick else (args.pairs, COUNTS)
    key = {"weights": model.sha256, **judged_by(model.card), "code": code_of(*DECIDING), "seed": SEED, "counts": counts}
    store = Store("fates", key)
    names = [f"{args.volumes[n % len(args.volumes)]}/{n // len(args.volumes)}" for n in range(pairs)]
    for name in tqdm([one for one in names if one not in store.records], unit="pair"):
        volume, number = name.split("/")
        seed = SEED + int.from_bytes(volume.encode()[:6], "little")
        made, fates = fates_pair(*study(args.data / "volumes", volume), seed, int(number), counts)
        store.add({"pair": name, **suggested_for(made, fates, model, seed + int(number))})
    records = [store.records[name] for name in names]
    about = {"command": _command(args), "weights": model.sha256[:12],
             "code": key["code"], "seed": SEED, "volumes": " and ".join(f"`{one}`" for one in args.volumes)}  # fmt: skip
    usual = not args.quick and tuple(args.volumes) == FINAL
    out = args.out or (Path(__file__).parent if usual else CACHE / "fates")
    out.mkdir(parents=True, exist_ok=True)
    write_text(json.dumps({**about, "pairs": records}, indent=0) + "\n", out / "results.json")
    write_text(page(records, about), out / "RESULTS.md")
    print((out / "RESULTS.md").read_text())
    return 0


def _command(args: argparse.Namespace) -> str:
    fewer = f" --pairs {args.pairs}" if args.pairs != PAIRS else ""
    return "python -m benchmarks.fates" + (" --quick" if args.quick else fewer)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fates", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one pair with one lesion of each kind")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="four lesions of each kind, as far as there is room")
    parser.add_argument(
        "--volumes", nargs="+", default=list(FINAL), help="in turn; others than the final ones to choose by"
    )
    parser.add_argument("--model", type=Path, default=MODEL, help="folder with weights and card")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/")
    parser.add_argument("--out", type=Path, default=None, help="folder of RESULTS.md and results.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
