"""Measure real lesions and implants by clicks beside their middle; write RESULTS.md and results.json.

python -m benchmarks.measurement          minutes on one core; what was measured is kept in .cache
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.accuracy.data import CACHE, DATA
from benchmarks.measurement.cases import implant_cases, mask_cases
from benchmarks.measurement.fit import VOLUMES
from benchmarks.measurement.page import page
from benchmarks.measurement.run import grown, measured
from lesion_tracker.files.whole import write_text
from lesion_tracker.measurement.judge import WEIGHTS

logger = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
SEED = 2026
IMPLANTS = {"chest_lidc_0001": (8, 2), "abdomen_acrin_001": (0, 8)}
"""In lung and in soft tissue, of studies that the fit has not seen."""


def main() -> None:
    """Measure what is not yet measured, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with volumes/ and masks/")
    parser.add_argument("--anew", action="store_true", help="measure again what is known")
    parser.add_argument("--only", choices=["masks", *IMPLANTS], help="measure this part, and write no page")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    seen = set(IMPLANTS) & set(VOLUMES)
    if seen:
        raise SystemExit(f"{sorted(seen)} were fitted on")

    def masks() -> list[dict[str, Any]]:
        return [one for case in mask_cases(args.data) for one in measured(case, SEED)]

    work = {"masks": masks} | {name: partial(_implants, args.data, name) for name in IMPLANTS}
    parts = {name: _kept(name, args.anew, one) for name, one in work.items() if args.only in (None, name)}
    if args.only:
        return
    results = {
        "clicks": [*parts["masks"], *(one for name in IMPLANTS for one in parts[name]["clicks"])],
        "growth": [one for name in IMPLANTS for one in parts[name]["growth"]],
    }
    write_text(json.dumps(results, indent=0) + "\n", HERE / "results.json")
    write_text(page(results), HERE / "RESULTS.md")


def _implants(data: Path, name: str) -> dict[str, Any]:
    clicks, growth = [], []
    for before, after in implant_cases(data / "volumes" / f"{name}.nii.gz", *IMPLANTS[name], SEED):
        clicks += list(measured(before, SEED))
        growth.append(grown(before, after, SEED))
        logger.info("%s", before.name)
    return {"clicks": clicks, "growth": growth}


def _kept(name: str, anew: bool, measure: Callable[[], Any]) -> Any:
    """Return what was measured with these weights, or measure it."""
    path = CACHE / "measurement" / f"{name}_{SEED}_{hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:12]}.json"
    if anew or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(measure()), path)
    return json.loads(path.read_text())


if __name__ == "__main__":
    main()
