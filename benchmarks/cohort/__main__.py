"""Track a cohort with 1 and with 2 processes, locally and on Ray, and write pairs per hour to RESULTS.md.

    python -m benchmarks.cohort [--patients 2] [--studies 4] [--workers 1 2] [--ray]

The cohort is made from the sample data: a chest CT and follow-ups constructed from it, no image is downloaded. Every run
starts from nothing and uses the same command as a user; its own report is what is written here.
"""

import argparse
import csv
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.constructed.pair import FollowupChange, construct_followup
from lesion_tracker.places import APP, SAMPLE
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.writer import write_volume

HERE = Path(__file__).resolve().parent
BASELINE = SAMPLE / "studies" / "LIDC-IDRI-0001__20000101.nii.gz"
LESIONS = SAMPLE / "lesions.json"
SEED = 11


def make_cohort(folder: Path, patients: int, studies: int) -> Path:
    """Write follow-ups of the sample study and their cohort file."""
    baseline = read_volume(BASELINE)
    rows = [["patient", "date", "image", "lesions"]]
    for patient in range(patients):
        name = f"patient_{patient + 1}"
        rows.append([name, "20000101", str(BASELINE), str(LESIONS)])
        for number in range(1, studies):
            rng = np.random.default_rng([SEED, patient, number])
            turn, shift = rng.uniform(-4, 4, 3), rng.uniform((-20, -20, -60), (20, 20, 60))
            change = FollowupChange(
                rotation_deg=(float(turn[0]), float(turn[1]), float(turn[2])),
                shift_mm=(float(shift[0]), float(shift[1]), float(shift[2])),
                deformation_mm=4.0,
                noise_hu=12.0,
                slice_mm=5.0,
                pixel_mm=1.2,
                table=True,
            )
            path = folder / f"{name}_{number}.nii.gz"
            write_volume(construct_followup(baseline, change, rng).followup, path)
            rows.append([name, f"2000{number + 1:02d}01", path.name, ""])
            print(f"made {path.name}", file=sys.stderr)
    cohort = folder / "cohort.csv"
    with cohort.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return cohort


def measure(cohort: Path, workers: int, ray: bool, method: str) -> dict[str, object]:
    """Run the command into a new folder and return what it reports."""
    out = cohort.parent / f"out_{workers}_{ray}"
    shutil.rmtree(out, ignore_errors=True)
    words = ["track-cohort", str(cohort), "--out", str(out), "--workers", str(workers), "--method", method]
    command = [
        sys.executable,
        str(APP / "main.py"),
        *words,
        *(["--ray", "local"] if ray else []),
    ]
    subprocess.run(command, check=True)
    facts = json.loads((out / "run.json").read_text())
    return {key: facts[key] for key in ("workers", "ray", "tracked", "failed", "seconds", "pairs_per_hour")}


def page(results: dict[str, object]) -> str:
    """Return RESULTS.md."""
    head = "| processes | shared out by | pairs | failed | seconds | pairs an hour |\n| --- | --- | --- | --- | --- | --- |"
    lines = [
        f"| {row['workers']} | {'Ray' if row['ray'] else 'this machine'} | {row['tracked']} | {row['failed']} "
        f"| {row['seconds']} | {row['pairs_per_hour']:.0f} |"
        for row in results["rows"]  # type: ignore[attr-defined]
    ]
    return "\n".join(
        [
            "# Pairs of a cohort in an hour",
            "",
            "Made by `python -m benchmarks.cohort`; start of the processes and loading of the libraries are included. The",
            "threads of the machine are shared among the processes, so that more processes gain where one leaves threads",
            "idle (loading, resampling). A load far above the number of processors means that other programs had the machine,",
            "and that the figures are too low by as much: run it again on an idle one.",
            "",
            f"Machine: {results['processors']} processors, load before the start {results['load']}; method "
            f"{results['method']}; {results['patients']} patients with {results['studies']} studies each.",
            "",
            head,
            *lines,
            "",
        ]
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2)
    parser.add_argument("--studies", type=int, default=4)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ray", action="store_true", help="measure the most processes on a local Ray, too")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--out", type=Path, default=HERE)
    args = parser.parse_args()
    facts = {"processors": len(os.sched_getaffinity(0)), "load": f"{os.getloadavg()[0]:.1f}"}
    asked = {"method": args.method, "patients": args.patients, "studies": args.studies}
    rows: list[dict[str, object]] = []
    results: dict[str, object] = {**facts, "python": platform.python_version(), **asked, "rows": rows}
    runs = [(count, False) for count in args.workers] + ([(max(args.workers), True)] if args.ray else [])
    with tempfile.TemporaryDirectory() as folder:
        cohort = make_cohort(Path(folder), args.patients, args.studies)
        for count, ray in runs:
            rows.append(measure(cohort, count, ray, args.method))
            (args.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
            (args.out / "RESULTS.md").write_text(page(results))
    print(page(results))


if __name__ == "__main__":
    main()
