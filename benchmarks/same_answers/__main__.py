"""Compare this checkout with another one: `python -m benchmarks.same_answers OTHER [--quick]`.

Tracks of the sample, of lung4dct and of acrin by every method, the arrays that `prepare` writes, and the first examples of
a training seed are made by both checkouts' own commands on this machine, and compared value by value. Times are not
compared. Ends with 1 where anything differs.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.data import DATA, REPOSITORY

METHODS = ("affine", "deformable", "bspline", "dlt", "auto")
PAIRS = ("lung4dct", "acrin_silver", "acrin_nodes")
VOLUMES = ("abdomen_example", "chest_lung2")
PASSED_OVER = {"seconds", "created_at"}
EXAMPLES = Path(__file__).with_name("examples.py")
SEEDED = Path(__file__).with_name("seeded")
"""A folder for PYTHONPATH that fixes the seed of greedy's noise, which older commits left to the clock."""

CONFIG = """
[data]
folder = "{folder}"
constructed = 0.5
self_supervised = 0.25
[run]
output = "{output}"
seed = 5
device = "cpu"
threads = 1
validate_every = 0
[network]
blocks = [2, 2, 2]
growth = 8
stem = 16
[scenario]
template_voxels = [64, 64, 16]
search_voxels = [[80, 80, 24], [96, 96, 24]]
coverage = 0.5
table = 0.5
"""


@dataclass(frozen=True)
class MarkedPair:
    """One pair of studies with lesions.

    Args:
        name: of the pair.
        baseline: file.
        followup: file.
        lesions: {"lesions": […]}.
    """

    name: str
    baseline: Path
    followup: Path
    lesions: dict[str, Any]


def main() -> int:
    """Let both checkouts answer, and print what differs; return 1 if anything does."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_answers", description=__doc__)
    parser.add_argument("other", type=Path, help="another checkout, for example a clone of an older commit")
    parser.add_argument("--quick", action="store_true", help="the sample alone, by affine, deformable and auto")
    args = parser.parse_args()
    cases = list(_cases(args.quick))
    methods = ("affine", "deformable", "auto") if args.quick else METHODS
    found = []
    with tempfile.TemporaryDirectory(prefix="same-answers-") as folder:
        for number, tree in enumerate((args.other.resolve(), REPOSITORY)):
            own = Path(folder) / str(number)
            own.mkdir()
            answers = {} if args.quick else _examples(tree, own)
            found.append(answers | _tracks(tree, own, cases, methods))
    different = [line for name in found[0] for line in _compare(name, found[0][name], found[1][name])]
    print("\n".join(different))
    print(f"{len(found[0])} sets of tracks, arrays and examples: {len(different)} values differ")
    return 1 if different else 0


def _cases(quick: bool) -> Iterator[MarkedPair]:
    sample = REPOSITORY / "sample-data"
    baseline, followup = sorted((sample / "studies").glob("*.nii.gz"))
    yield MarkedPair("sample", baseline, followup, json.loads((sample / "lesions.json").read_text()))
    for name in () if quick else PAIRS:
        folder = DATA / "pairs"
        (pair,) = json.loads((folder / f"{name}.json").read_text())["pairs"]
        lesions = [
            {"id": lesion["id"], "center_mm": lesion["baseline_mm"], "radius_mm": lesion["radius_mm"]}
            for lesion in pair["lesions"]
        ]
        yield MarkedPair(name, folder / pair["baseline"], folder / pair["followup"], {"lesions": lesions})


def _tracks(tree: Path, folder: Path, cases: list[MarkedPair], methods: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for case in cases:
        lesions = folder / f"{case.name}.json"
        lesions.write_text(json.dumps(case.lesions))
        for method in methods:
            out = folder / f"{case.name}.{method}.json"
            command = ["track", str(case.baseline), str(case.followup), "--lesions", str(lesions), "--out", str(out)]
            _run(tree, *command, "--method", method, "--device", "cpu", "--cache", str(folder / "cache"))
            found[f"{case.name}, {method}"] = json.loads(out.read_text())["tracks"]
    return found


def _examples(tree: Path, folder: Path) -> dict[str, Any]:
    """Return the hashes of prepared arrays and of a training seed's first examples of all kinds."""
    prepared = folder / "prepared"
    volumes = [str(DATA / "volumes" / f"{name}.nii.gz") for name in VOLUMES]
    _run(tree, "prepare", *volumes, "--pairs", str(DATA / "pairs" / "lung4dct.json"), "--out", str(prepared))
    arrays = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(prepared.glob("*.npy"))}
    config = folder / "config.toml"
    config.write_text(CONFIG.format(folder=prepared, output=folder / "run"))
    done = subprocess.run(
        [sys.executable, str(EXAMPLES), str(config)], env=_environment(tree), check=True, capture_output=True, text=True
    )
    return {"prepared arrays": [arrays], "training examples": [json.loads(done.stdout.splitlines()[-1])]}


def _run(tree: Path, *words: str) -> None:
    command = [sys.executable, str(tree / "apps" / "lesion_tracker" / "main.py"), *words]
    done = subprocess.run(command, env=_environment(tree), capture_output=True, text=True, cwd=tree)
    if done.returncode:
        raise SystemExit(f"{tree}: {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    print(
        f"{tree.name}: {words[0]} {Path(words[-1]).name if words[0] == 'prepare' else Path(words[6]).name}", flush=True
    )


def _environment(tree: Path) -> dict[str, str]:
    """One thread: the order in which several add their sums is chance, and moves a deformable registration by 0.02 mm."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "LESION_TRACKER_REGISTRATION_THREADS"), "1")
    path = os.pathsep.join([str(tree / "apps" / "lesion_tracker"), str(SEEDED)])
    return {**os.environ, **one, "PYTHONPATH": path}


def _compare(name: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each value that differs; keys that only one of both has are named, too."""
    if len(before) != len(after):
        yield f"{name}: {len(before)} and {len(after)} entries"
    for one, other in zip(before, after, strict=False):
        for key in sorted((one.keys() | other.keys()) - PASSED_OVER):
            if one.get(key) != other.get(key):
                yield f"{name}, {one.get('lesion_id', '')} {key}: {one.get(key)!r} -> {other.get(key)!r}"


if __name__ == "__main__":
    sys.exit(main())
