"""`python -m benchmarks.server.rows`: seconds until a real server sends the first row of a patient with 5,000 lesions."""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import requests

from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.server.local_server import running_server
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

STUDIES = ("eve__20200101", "eve__20200701", "eve__20210101")
ROW = b'class="row lesion"'
REACH_S = 1.0


def patient_of(folder: Path, lesions: int) -> None:
    """Write three small studies of one patient, with so many lesions marked in each."""
    grid = Grid.from_parts((40, 40, 40), np.full(3, 5.0), np.zeros(3), np.eye(3))
    hu = np.random.default_rng(0).integers(-900, 200, grid.shape).astype(np.int16)
    places = np.random.default_rng(1).uniform(5.0, 190.0, (lesions, 3)).round(1)
    marks = MarkStore(folder / "labels")
    for name in STUDIES:
        write_volume(Volume(hu, grid), folder / f"{name}.nii.gz")
        own = [Lesion(f"lesion_{n}", (x, y, z), 5.0, marked_by="ann") for n, (x, y, z) in enumerate(places.tolist(), 1)]
        marks.mark(name, own)


def first_row(address: str) -> tuple[float, float, int]:
    """Return the seconds until the first row and until the end of the page, and its bytes."""
    begin, found, size = time.perf_counter(), 0.0, 0
    with requests.get(f"{address}/lesions/", params={"patient": "eve"}, stream=True, timeout=300) as answer:
        answer.raise_for_status()
        before = b""
        for part in answer.iter_content(16384):
            size += len(part)
            if not found and ROW in before[-len(ROW) :] + part:
                found = time.perf_counter() - begin
            before = part
    return found, time.perf_counter() - begin, size


def main() -> int:
    """Serve, ask six times, and print the first, the median of the others, and the whole page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.rows", description=__doc__)
    parser.add_argument("--lesions", type=int, default=5000)
    lesions = parser.parse_args().lesions
    with tempfile.TemporaryDirectory(prefix="lesion-tracker-rows-") as name:
        folder = Path(name)
        (folder / "studies").mkdir()
        patient_of(folder / "studies", lesions)
        with running_server(folder / "studies", folder / "server.log") as address:
            took = [first_row(address) for _ in range(6)]
    later = statistics.median(one[0] for one in took[1:])
    print(
        f"{lesions} lesions in {len(STUDIES)} studies, {took[0][2] / 1e6:.1f} MB: first row after a start {took[0][0]:.2f} s"
    )
    print(
        f"then {later:.2f} s (median of {len(took) - 1}); whole page {statistics.median(one[1] for one in took):.1f} s"
    )
    print(f"to reach {REACH_S} s: {'reached' if max(took[0][0], later) <= REACH_S else 'MISSED'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
