"""`python -m benchmarks.constructed.make_validation`: the inputs that new weights must still find, of free volumes."""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np

from benchmarks.constructed.validation_pairs import make_pairs
from lesion_tracker.places import MODEL
from lesion_tracker.training.learning.validation_inputs import FILE_NAME, write_inputs
from lesion_tracker.volumes.reader import read_volume

VOLUMES = {"trunk_amos_0336": 5, "chest_aorta": 2, "abdomen_example": 3}
"""How many pairs of each; none of these volumes is in the project's final figures."""

SEED = 51
MOST_BYTES = 15_000_000


def main() -> int:
    """Construct the pairs, write them, and say what was written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.constructed.make_validation", description=__doc__)
    parser.add_argument("volumes", type=Path, help="folder of the volumes, <name>.nii.gz each")
    parser.add_argument("--out", type=Path, default=MODEL / "validation" / FILE_NAME)
    args = parser.parse_args()
    rng = np.random.default_rng(SEED)
    pairs = []
    for name, count in VOLUMES.items():
        pairs += make_pairs(name, read_volume(args.volumes / f"{name}.nii.gz"), count, rng)
        print(f"{name}: {count} pairs")
    size = write_inputs(pairs, args.out)
    lesions = sum(len(pair.lesions) for pair in pairs)
    print(f"{args.out}: {len(pairs)} pairs, {lesions} lesions, {size / 1e6:.1f} MB")
    print(f"sha256 {hashlib.sha256(args.out.read_bytes()).hexdigest()}")
    if size > MOST_BYTES:
        print(f"more than {MOST_BYTES / 1e6:.0f} MB: take fewer pairs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
