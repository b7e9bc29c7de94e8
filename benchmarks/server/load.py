"""`python -m benchmarks.server.load`: how long /info/ takes while four clients track on a real server."""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import requests

from benchmarks.accuracy.data import DATA
from benchmarks.server.__main__ import large_studies
from benchmarks.server.clients import CLIENTS, PATIENCE_S, Client, track_together
from benchmarks.server.load_page import load_page, machine
from benchmarks.server.waits import MEDIAN_REACH_S, WORST_REACH_S, Waits, ask_info
from lesion_tracker.places import SAMPLE
from lesion_tracker.server.local_server import running_server

SECONDS = 60.0
HERE = Path(__file__).resolve().parent
BASELINE, FOLLOWUP = "LIDC-IDRI-0001__20000101", "LIDC-IDRI-0001__20000401__constructed"
BESIDE_MM = ([0.0, 0.0, 0.0], [-58.4, 17.7, 0.0], [-110.0, -20.0, -20.0])
"""Lesions of each patient: the sample's nodule, and two places beside it."""


@dataclass(frozen=True)
class Cohort:
    """What the clients track.

    Args:
        studies: a client's patient, and the ids of its baseline and follow-up.
        lesions: what is marked in each baseline.
    """

    studies: tuple[tuple[str, str, str], ...]
    lesions: tuple[dict[str, Any], ...]


Make = Callable[[Path], Cohort]
SCENARIOS: dict[str, dict[str, str]] = {
    "known pairs": {},
    "fresh pairs": {"LESION_TRACKER_REGISTRATIONS_MB": "0"},
}
"""Environment of the server: as it comes; and remembering no registration, so that every track computes one."""

LARGE = "large pair"


def copy_patients(folder: Path) -> Cohort:
    """Copy the sample's two studies once a client, as a patient of its own."""
    (mark,) = json.loads((SAMPLE / "lesions.json").read_text())["lesions"]
    lesions = [
        {**mark, "id": f"lesion_{n}", "center_mm": [c + o for c, o in zip(mark["center_mm"], offset, strict=True)]}
        for n, offset in enumerate(BESIDE_MM, start=1)
    ]
    studies = []
    for number in range(1, len(CLIENTS) + 1):
        name = f"patient{number}"
        ids = (f"{name}__20000101", f"{name}__20000401")
        for given, copied in zip((BASELINE, FOLLOWUP), ids, strict=True):
            shutil.copy(SAMPLE / "studies" / f"{given}.nii.gz", folder / f"{copied}.nii.gz")
        studies.append((name, *ids))
    return Cohort(tuple(studies), tuple(lesions))


def large_pair(data: Path, folder: Path) -> Cohort:
    """Write one pair of 512 x 512 x 600 voxels, which all clients track."""
    places = large_studies(data, folder)
    lesions = [{"id": f"lesion_{n}", "center_mm": place, "radius_mm": 8.0} for n, place in enumerate(places, start=1)]
    return Cohort((("large", "large__20200101", "large__20210101"),) * len(CLIENTS), tuple(lesions))


def measure(seconds: float, make: Make, more: dict[str, str]) -> dict[str, Any]:
    """Serve, mark, let four clients track and ask /info/ meanwhile.

    Args:
        seconds: no track is begun later.
        make: writes the studies into a folder.
        more: environment of the server.
    """
    os.environ.update(more)
    with tempfile.TemporaryDirectory(prefix="lesion-tracker-load-") as name:
        studies = Path(name) / "studies"
        studies.mkdir()
        cohort = make(studies)
        with running_server(studies, Path(name) / "server.log") as url:
            for baseline in sorted({baseline for _, baseline, _ in cohort.studies}):
                requests.post(
                    f"{url}/infer/mark_lesion",
                    params={"image": baseline, "output": "json"},
                    data={"params": json.dumps({"lesions": cohort.lesions})},
                    timeout=PATIENCE_S,
                ).raise_for_status()
            named = zip(CLIENTS, cohort.studies, strict=True)
            clients = [Client(client, url, patient, followup) for client, (patient, _, followup) in named]
            started = time.perf_counter()
            waits: list[Waits] = []
            track_together(clients, seconds, lambda done: waits.append(ask_info(url, done)))
            spent = time.perf_counter() - started
    for variable in more:
        del os.environ[variable]
    return summary(waits[0], clients, spent)


def summary(waits: Waits, clients: list[Client], seconds: float) -> dict[str, Any]:
    """Return what was measured as JSON holds it."""
    return {
        "requests": len(waits.seconds),
        "median_ms": round(1000 * waits.median_s),
        "p95_ms": round(1000 * waits.share_s(95)),
        "worst_ms": round(1000 * waits.worst_s),
        "verdict": "met" if waits.met else "MISSED",
        "seconds": round(seconds, 1),
        "tracks": {client.name: len(client.seconds) for client in clients},
        "seconds_per_track": {
            client.name: round(sum(client.seconds) / len(client.seconds), 2) for client in clients if client.seconds
        },
        "refused": [f"{client.name}: {text}" for client in clients for text in client.refused],
    }


def _given(args: argparse.Namespace) -> list[str]:
    """Return the options that were given, as the command line takes them."""
    seconds = [] if args.seconds == SECONDS else [f"--seconds {args.seconds:g}"]
    return [*seconds, *(["--large"] if args.large else [])]


def main() -> int:
    """Measure each scenario, print it, and write load.json and LOAD.md; 1 if the figure is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the clients track in each scenario")
    parser.add_argument("--large", action="store_true", help="also a pair of 512 x 512 x 600 voxels, from --data")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/, for --large")
    args = parser.parse_args()
    scenarios = {name: (copy_patients, more) for name, more in SCENARIOS.items()}
    if args.large:
        if not args.data.is_dir():
            print(f"there is no data in {args.data}: name it by --data or BENCHMARK_DATA", file=sys.stderr)
            return 2
        scenarios[LARGE] = (partial(large_pair, args.data), {})
    found: dict[str, Any] = {
        "command": " ".join(["python -m benchmarks.server.load", *_given(args)]),
        "track_s": args.seconds,
        "machine": machine(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "reach_ms": {"median": round(1000 * MEDIAN_REACH_S), "worst": round(1000 * WORST_REACH_S)},
        "scenarios": {},
    }
    for name, (make, more) in scenarios.items():
        found["scenarios"][name] = measure(args.seconds, make, more)
        print(json.dumps({name: found["scenarios"][name]}, indent=1), flush=True)
    found["load_after"] = [round(value, 2) for value in os.getloadavg()]
    (HERE / "load.json").write_text(json.dumps(found, indent=1) + "\n")
    (HERE / "LOAD.md").write_text(load_page(found))
    good = all(one["verdict"] == "met" and not one["refused"] for one in found["scenarios"].values())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
