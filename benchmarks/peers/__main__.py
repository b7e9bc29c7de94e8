"""`python -m benchmarks.peers`: every row on the same pairs in one run, and RESULTS.md from what was measured."""

import argparse
import math
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.accuracy.cases import PAIRS, REAL, SEED, NamedPair
from benchmarks.accuracy.data import CACHE, DATA, FINAL, MODEL
from benchmarks.peers.catalog import catalog
from benchmarks.peers.figures import CONSTRUCTED, answers_of, figures, sets_of
from benchmarks.peers.measure import cases_of
from benchmarks.peers.page import page
from benchmarks.peers.peer import Peer
from benchmarks.peers.run import Row
from benchmarks.peers.subset import subset_pairs
from lesion_tracker.errors import LesionTrackerError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.report.evaluation_figures import cumulative_distance
from lesion_tracker.scoring.provenance import hash_of, versions
from lesion_tracker.scoring.scores_file import evaluation_json

QUICK_PAIRS, QUICK_LESIONS, QUICK_MINUTES = 1, 3, 9.3
"""Constructed pairs of a quick run, lesions of each pair (of the real ones too), and when nothing new is started."""
METHOD = """\
Every row gets the same pairs and the same clicks, one after the other on the same machine, each row in a process of its own.
Lesions that have vanished or lie outside of the follow-up are not asked for. A hit has an error of at most min(r, 10 mm)
(CPM@10mm) or less than r (CPM@Radius), r the radius in the follow-up; MED is the mean distance. Constructed pairs are made
from studies that no training has seen ({volumes}), by what training does not use; their truth is exact. The
subset are at most {subset} of their lesions on {pairs} pairs, drawn by the seed {seed}. Intervals are 95 % by bootstrap over
pairs: there are two base volumes, so they say little about other patients; none is given for fewer than five pairs.
Seconds are medians over pairs, from two volumes in memory to the first lesion's point, and for each further lesion of the
same pair with its registration remembered; nothing is remembered from pair to pair. Memory is the largest sum of resident
memory of the row's process and the programs it started, the two volumes included. Seconds mean something only on an idle
machine: where a quick run has measured the row on {lesions} lesions a pair, which takes ten minutes and not hours, its seconds
are shown. They come from the quick run for: {timed}."""


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark; 2 where data are missing or weights cannot be used."""
    args = _arguments(words)
    try:
        _require_data(args.data, args.constructed)
        cases = cases_of(args.data, args.constructed)
        peers = _asked(catalog(args.model, args.device), args.only)
    except (LesionTrackerError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    subset = dict.fromkeys(subset_pairs(cases, 1), QUICK_LESIONS) if args.quick else subset_pairs(cases)
    rows = _rows(args, peers, cases, subset)
    _measure(rows, args)
    out = args.out or (CACHE / "peers" / "quick" if args.quick else Path(__file__).parents[1])
    _write(out, args, peers, rows, subset)
    print((out / "RESULTS.md").read_text())
    return 0


def _require_data(data: Path, constructed: int) -> None:
    """Say what is missing.

    Raises:
        ValueError: naming every file that is not there.
    """
    needed = [data / "pairs" / f"{name}.json" for name in REAL]
    if constructed:
        needed += [data / "volumes" / f"{name}.nii.gz" for name in FINAL]
    if missing := [str(path) for path in needed if not path.exists()]:
        raise ValueError(
            f"the benchmark's data are missing: {', '.join(missing)}; name their folder by --data or BENCHMARK_DATA"
        )


def _asked(peers: list[Peer], only: Sequence[str]) -> list[Peer]:
    known = [peer.name for peer in peers]
    if unknown := [name for name in only if name not in known]:
        raise ValueError(f"there is no row {unknown[0]!r}; known: {', '.join(known)}")
    return [peer for peer in peers if not only or peer.name in only]


def _rows(args: argparse.Namespace, peers: list[Peer], cases: list[NamedPair], subset: dict[str, int]) -> list[Row]:
    """Return what can be measured, `auto` first and the slow rows last, in case time is up; slow rows get the subset."""
    options = {"data": args.data, "constructed": args.constructed, "model": args.model, "device": args.device}
    slow = [case for case in cases if case.data != "constructed" or case.name in subset]
    few = {case.name: QUICK_LESIONS for case in cases} if args.quick else {}
    return [
        Row(peer, slow if peer.slow else cases, few or (subset if peer.slow else {}), options)
        for peer in sorted(peers, key=lambda peer: (peer.slow, peer.name != "auto"))
        if peer.find is not None
    ]


def _timed(args: argparse.Namespace, peers: list[Peer]) -> dict[str, list[dict[str, Any]]]:
    """Return what a quick run has measured by row, for the seconds of the whole one; none for a quick run."""
    if args.quick:
        return {}
    few = min(args.constructed, QUICK_PAIRS)
    quick = argparse.Namespace(**{**vars(args), "quick": True, "constructed": few})
    cases = cases_of(args.data, few)
    subset = dict.fromkeys(subset_pairs(cases, 1), QUICK_LESIONS)
    return {row.peer.name: row.records for row in _rows(quick, peers, cases, subset) if row.records}


def _measure(rows: list[Row], args: argparse.Namespace) -> None:
    until = time.monotonic() + 60 * args.minutes
    with tqdm(total=sum(len(row.missing) for row in rows), unit="pair", disable=args.silent) as bar:
        for row in rows:
            bar.set_description(row.peer.name)
            for _ in row.measure(until):
                bar.update()


def _write(out: Path, args: argparse.Namespace, peers: list[Peer], rows: list[Row], subset: dict[str, int]) -> None:
    records = {peer.name: row.records for peer in peers for row in rows if row.peer is peer}
    records = {name: known for name, known in records.items() if known}
    timed = _timed(args, peers)
    found = figures(records, subset, [peer.name for peer in peers if peer.slow], timed)
    about = _about(args, rows, subset, timed)
    out.mkdir(parents=True, exist_ok=True)
    answers = {name: answers_of(known, sets_of(subset)[CONSTRUCTED]) for name, known in records.items()}
    whole = {row: given for row, given in answers.items() if row in found[CONSTRUCTED]}
    text = page(found, peers, about)
    if whole:
        drawn = {row: whole[row] for row in sorted(whole, key=lambda row: row != "auto")}
        cumulative_distance(drawn).savefig(out / "peers.png", dpi=110)
        text = text.replace(
            "\n\n## ", "\n\n![constructed pairs: the share of answers within each distance](peers.png)\n\n## ", 1
        )
    (out / "RESULTS.md").write_text(text, encoding="utf-8")
    write_json({**about, "figures": found}, out / "results.json")
    scores = CACHE / "peers" / ("scores-quick" if args.quick else "scores")
    scores.mkdir(parents=True, exist_ok=True)
    for name, given in whole.items():  # for `main.py compare`
        write_json(evaluation_json(given, name, [], {**about, "model": None}), scores / f"{name}.json")


def _about(
    args: argparse.Namespace, rows: list[Row], subset: dict[str, int], timed: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    left = {row.peer.name: len(row.missing) for row in rows if row.missing}
    unmeasured = ", ".join(f"`{name}` lacks {count} pairs" for name, count in left.items())
    inputs = [args.data / "pairs" / f"{name}.json" for name in REAL]
    return {
        "command": "python -m benchmarks.peers" + " --quick" * args.quick + _fewer(args),
        "machine": f"{os.cpu_count()} processors, {platform.machine()}",
        "unmeasured": f"Time was up: {unmeasured}. The same command goes on." if left else "",
        "versions": versions(),
        "inputs": {path.name: hash_of(path) for path in inputs},
        "decided_by": {row.peer.name: row.peer.decided_by for row in rows},
        "method": METHOD.format(
            volumes=" and ".join(FINAL), subset=sum(subset.values()), pairs=len(subset), seed=SEED, lesions=QUICK_LESIONS,
            timed=", ".join(f"`{name}`" for name in timed) or "no row",
        ),
    }  # fmt: skip


def _fewer(args: argparse.Namespace) -> str:
    usual = QUICK_PAIRS if args.quick else PAIRS
    return "" if args.constructed == usual else f" --constructed {args.constructed}"


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="few lesions of the real pairs and of a constructed one, ten minutes"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="ROW", help="these rows")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/ and pairs/")
    parser.add_argument(
        "--constructed", type=int, default=None, help=f"constructed pairs ({PAIRS}, quick {QUICK_PAIRS})"
    )
    parser.add_argument(
        "--minutes", type=float, default=None, help=f"start nothing new after so long (quick: {QUICK_MINUTES})"
    )
    parser.add_argument("--model", type=Path, default=MODEL, help="folder with weights and card")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=None, help="folder of RESULTS.md, results.json and peers.png")
    parser.add_argument("--silent", action="store_true", help="no progress bar")
    args = parser.parse_args(words)
    if args.constructed is None:
        args.constructed = QUICK_PAIRS if args.quick else PAIRS
    if args.minutes is None:
        args.minutes = QUICK_MINUTES if args.quick else math.inf
    return args


if __name__ == "__main__":
    sys.exit(main())
