"""`python -m benchmarks.server`: peak memory of a real server that tracks between two studies of 512 x 512 x 600 voxels."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.accuracy.data import DATA
from benchmarks.peers.memory import PeakMemory
from lesion_tracker.server.local_server import running_server
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume

SIZE = (512, 512, 600)
VOLUME = "trunk_amos_0336"
REACH_BYTES = 6e9


def large_studies(data: Path, folder: Path) -> list[list[float]]:
    """Write a study of SIZE voxels and the same one moved by 9, -7 and 6 mm, with noise; return places inside the body.

    Args:
        data: with volumes/.
        folder: for the two studies.
    """
    source = read_volume(next((data / "volumes").glob(f"{VOLUME}*")))
    low, high = source.grid.bounds_mm()
    grid = Grid.from_parts(SIZE, (high - low) / (np.array(SIZE) - 1), low, np.eye(3))
    rng = np.random.default_rng(0)
    for day, shift in (("20200101", np.zeros(3)), ("20210101", np.array([9.0, -7.0, 6.0]))):
        moved = Volume(source.hu, Grid(source.grid.size, _shifted(source.grid.lps_from_index, shift)))
        hu = np.array(resample(moved, grid).hu)
        for part in hu:
            part += rng.normal(0, 12, part.shape).astype(np.float32)
        write_volume(Volume(np.round(hu).astype(np.int16), grid), folder / f"large__{day}.nii.gz")
    middle = (low + high) / 2
    return [(middle + offset).tolist() for offset in ([-40, 0, 0], [30, 20, 40], [0, -30, -60])]


def _shifted(matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    moved = np.array(matrix)
    moved[:3, 3] += shift
    return moved


def main() -> int:
    """Write the studies, serve them, mark, track, and print what the server and its children held at most."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/")
    args = parser.parse_args()
    if not args.data.is_dir():
        print(f"there is no data in {args.data}: name it by --data or BENCHMARK_DATA", file=sys.stderr)
        return 2
    from monailabel.client import MONAILabelClient

    with tempfile.TemporaryDirectory(prefix="lesion-tracker-large-") as name:
        folder = Path(name)
        (folder / "studies").mkdir()
        places = large_studies(args.data, folder / "studies")
        own = PeakMemory()
        with own:
            pass
        started = time.perf_counter()
        with PeakMemory() as memory, running_server(folder / "studies", folder / "server.log") as address:
            client = MONAILabelClient(address, tmpdir=str(folder), client_id="memory")
            marks = [{"id": f"lesion_{n}", "center_mm": p, "radius_mm": 8.0} for n, p in enumerate(places, start=1)]
            client.infer("mark_lesion", "large__20200101", {"lesions": marks})
            _, answer = client.infer("track_lesion", "large__20210101", {})
        seconds = time.perf_counter() - started
    peak = memory.bytes_ - own.bytes_
    tracks = answer["tracks"]
    found = {
        "command": "python -m benchmarks.server",
        "studies": f"two of {SIZE} voxels",
        "peak_gb": round(peak / 1e9, 2),
        "reach_gb": REACH_BYTES / 1e9,
        "verdict": "met" if peak <= REACH_BYTES else "MISSED",
        "methods": sorted({track["method"] for track in tracks}),
        "states": [track["state"] for track in tracks],
        "off_mm": [
            round(float(np.linalg.norm(np.array(t["center_mm"]) - p - [9.0, -7.0, 6.0])), 2)
            for t, p in zip(tracks, places, strict=True)
        ],
        "seconds": {**answer["seconds"], "whole": round(seconds, 1)},
    }
    print(json.dumps(found, indent=1))
    (Path(__file__).parent / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
