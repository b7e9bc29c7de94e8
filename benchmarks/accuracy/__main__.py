"""`python -m benchmarks.accuracy`: measure, and write RESULTS.md and results.json."""

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks.accuracy.card import card_figures, write_card
from benchmarks.accuracy.cases import PAIRS, SEED
from benchmarks.accuracy.data import CACHE, DATA, FINAL, MODEL
from benchmarks.accuracy.figures import figures
from benchmarks.accuracy.jobs import cases_of, measure_one
from benchmarks.accuracy.page import markdown
from benchmarks.accuracy.parallel import run_in_order
from benchmarks.accuracy.store import Store, answering_code, plain
from benchmarks.accuracy.weights import judged_by, usable_weights
from lesion_tracker.network.weights import CARD_FILE

QUICK_PAIRS = 2
TIMED_VOLUME, TIMED_PAIRS = "chest_lidc_0001", 3
METHOD = """\
Truth is exact on constructed pairs. They are made from two studies that no training has seen ({volumes}) by what training
does not use: waves, a breath and compact sliding regions instead of Gaussian bumps; superellipsoids and thresholded random
fields with speckle instead of lobulated bodies with plane waves; ramp-filtered noise and streaks instead of white noise.
{structures} of {n} lesions are structures of the patient, the others implants. Hard: the lesion's region was moved 20 to
45 mm against its surroundings (at least 15 mm at the lesion); easy: by less than 5 mm. Vanished lesions and lesions outside
of the follow-up have no error in mm: they count for the states, and vanished ones for the second pair of lines on confidence.
A reader who gets a point does not know whether the lesion is still there. Two probabilities are judged: `placement`, that the
point is right if the lesion is there, of lesions that are there; and `confidence`, which is shown, presence times placement,
fitted to be the share of right ones among all points, those for vanished lesions too. Among lesions of which one knows that
they are there it is too modest by its meaning.
Intervals resample the base volumes and within them the pairs: n = {bases} base volumes, so they say little about
other patients. Shifted clicks: {share:.0f} % of the counted lesions, drawn by the seed,
nine clicks each, against the same lesions clicked in their centres. The score is the benchmark's: a hit has an error of at
most min(r, 10 mm), r the radius in the follow-up. Rows whose registration was
refused (their lesions are missed): {failed}. Seconds are the median over the
constructed chest pairs, volumes loaded, nothing remembered from before; they mean something only on an idle machine."""


def main() -> int:
    """Run the benchmark."""
    args = _arguments()
    model = usable_weights(args.model, args.device)
    if model is None:
        return 2
    if not args.data.is_dir():
        print(f"there is no data in {args.data}: name it by --data or BENCHMARK_DATA", file=sys.stderr)
        return 2
    pairs = QUICK_PAIRS if args.quick else args.constructed
    cases = cases_of(args, pairs)
    share = 0.0 if args.quick else args.shift_share
    key = {"weights": model.sha256, **judged_by(model.card), "code": answering_code(),
           "seed": args.seed, "share": share, "device": str(model.device)}  # fmt: skip
    store = Store("accuracy", key)
    missing = [case.name for case in cases if case.name not in store.records]
    work = (measure_one, [(args, pairs, share, name) for name in missing])
    for record in tqdm(run_in_order(*work, args.processes), unit="pair", total=len(missing), disable=args.silent):
        store.add(record)
    if args.processes > 1:  # several at once say nothing about seconds: some pairs again, one after the other
        chests = [case.name for case in cases if case.volume == TIMED_VOLUME][:TIMED_PAIRS]
        for name in chests:
            store.records[name]["seconds"] = measure_one((args, pairs, 0.0, name))["seconds"]
    records = [store.records[case.name] for case in cases]
    for record in records:
        if args.processes > 1 and record["pair"] not in chests:
            record["seconds"] = {}
    found = figures(records, args.seed)
    about = {"command": _command(args), "weights": model.sha256,
             "code": answering_code(), "seed": args.seed, "method": _method(found, records, share)}  # fmt: skip
    _write(args, found, about)
    return 0


def _command(args: argparse.Namespace) -> str:
    """Return the command with the options that change figures."""
    changed = (
        f" --shift-share {args.shift_share:g}" * (args.shift_share != 1.0),
        f" --constructed {args.constructed}" * (args.constructed != PAIRS),
    )
    return "python -m benchmarks.accuracy" + (" --quick" if args.quick else "".join(changed))


def _write(args: argparse.Namespace, found: dict, about: dict) -> None:
    out = args.out or (CACHE / "accuracy" / "quick" if args.quick else Path(__file__).parent)
    out.mkdir(parents=True, exist_ok=True)
    (out / "RESULTS.md").write_text(markdown(found, about))
    (out / "results.json").write_text(json.dumps(plain({**about, "figures": found}), indent=1, allow_nan=False) + "\n")
    if args.card and not args.quick:
        write_card(args.model / CARD_FILE, "figures", card_figures(found, about))
    print((out / "RESULTS.md").read_text())


def _method(found: dict, records: list[dict], share: float) -> str:
    n = found["all"]["auto"]["n"] if "all" in found else 0
    structures = found.get("structures", {}).get("auto", {}).get("n", 0)
    bases = len({record["volume"] for record in records if record["data"] == "constructed"})
    return METHOD.format(
        volumes=" and ".join(FINAL), n=n, structures=structures, bases=bases, share=100 * share,
        failed=", ".join(found["failed"]) or "none",
    )  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the real pairs and two constructed ones, minutes")
    parser.add_argument("--model", type=Path, default=MODEL, help="folder with weights and card")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/ and pairs/")
    parser.add_argument("--constructed", type=int, default=PAIRS, help="constructed pairs, ten lesions each")
    parser.add_argument("--shift-share", type=float, default=1.0, help="share of the lesions clicked nine times more")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=None, help="folder of RESULTS.md and results.json")
    parser.add_argument("--processes", type=int, default=1, help="pairs at once; three are then timed by themselves")
    parser.add_argument("--card", action="store_true", help="put the figures into the weights' card")
    parser.add_argument("--silent", action="store_true", help="no progress bar")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
