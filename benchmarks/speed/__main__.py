"""`python -m benchmarks.speed`: seconds to the first lesion and to further ones, beside other ways; writes RESULTS.md."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.accuracy.cases import NamedPair, constructed_cases, real_cases
from benchmarks.accuracy.data import DATA, MODEL
from benchmarks.accuracy.weights import usable_weights
from benchmarks.peers.app_methods import app_method
from benchmarks.peers.convexadam import convexadam_peer
from benchmarks.peers.peer import FindPoints
from benchmarks.registration.page import machine
from benchmarks.speed.measure import COUNTS, first_lesion, further_lesions, own_lesions
from benchmarks.speed.page import AUTO, HEAD, WHOLE, markdown
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.registration.preload import preload

HERE = Path(__file__).resolve().parent
SEED = 4


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder with weights and card")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/ and pairs/")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pairs", nargs="+", default=["lung4dct/0", "acrin_silver/0", "chest_lidc_0001/0"])
    parser.add_argument("--ways", nargs="+", help="some of the ways beside auto; all without it")
    parser.add_argument("--counts", nargs="*", type=int, default=COUNTS, help="how many further lesions")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    args = parser.parse_args()
    model = usable_weights(args.model, args.device)
    if model is None:
        return 2
    ways = _ways(model)
    chosen = {way: ways[way] for way in (AUTO, *(args.ways or [way for way in ways if way != AUTO]))}
    before = os.getloadavg()[0]
    preload()
    first: dict[str, dict[str, Any]] = {}
    further: dict[str, list[dict[str, Any]]] = {}
    for case in _cases(args.data, args.pairs):
        first[case.name] = {}
        for way, find in chosen.items():
            first[case.name][way] = first_lesion(case, find)
            print(case.name, way, first[case.name][way], file=sys.stderr)
        drawn = [further_lesions(case.load(), model, count, SEED) for count in args.counts]
        further[case.name] = [*own_lesions(case.load(), model), *drawn]
        print(case.name, further[case.name], file=sys.stderr)
    told = {"weights": model.sha256[:12], "machine": machine(), "before": before, "after": os.getloadavg()[0]}
    args.out.write_text(markdown(first, further, HEAD.format(**told)))
    print(args.out.read_text())
    return 0


def _ways(model: Tracker) -> dict[str, FindPoints]:
    found = {
        AUTO: app_method("auto", model),
        "refined": app_method("auto", model, refine=True),
        WHOLE: app_method("deformable"),
        "bspline": app_method("bspline"),
    }
    convexadam = convexadam_peer().find
    return found if convexadam is None else {**found, "convexadam": convexadam}


def _cases(data: Path, names: list[str]) -> list[NamedPair]:
    every = [*real_cases(data / "pairs"), *constructed_cases(data / "volumes", 2)]
    return [case for case in every if case.name in names]


if __name__ == "__main__":
    sys.exit(main())
