"""Fit from which doubt on a measurement is flagged, on clicks on implants that the trees have not seen; no real lesion.

python -m benchmarks.measurement.fit_flag         some minutes on one core
"""

import logging
from collections.abc import Iterator

import numpy as np
from safetensors.numpy import load_file, save_file

from benchmarks.accuracy.data import DATA
from benchmarks.measurement.cases import implant_cases
from benchmarks.measurement.fit import VOLUMES
from lesion_tracker.measurement.axes import axes_of, rings
from lesion_tracker.measurement.judge import WEIGHTS, evidence
from lesion_tracker.measurement.measure import outlined
from lesion_tracker.measurement.second_opinion import second_outline
from lesion_tracker.measurement.view import view_of

logger = logging.getLogger(__name__)

SEED = 991
LUNG, SOFT = 4, 14
"""Implants of a study, each in two scans; a click each. The trees were fitted in these studies, on other implants."""
OFF = 0.3
"""A long axis that is off by more is what the flag is to find."""
FLAGGED = 0.15
"""Share of the others that may be flagged."""


def clicks(study: str) -> Iterator[tuple[np.ndarray, bool]]:
    """Measure implants of one study; give what speaks against each measurement, and whether its long axis is off."""
    rng = np.random.default_rng([SEED, 2, sum(study.encode())])
    for pair in implant_cases(DATA / "volumes" / f"{study}.nii.gz", LUNG, SOFT, SEED):
        for case in pair:
            click = case.clicks(1, rng)[0]
            view = view_of(case.volume, click)
            cover, score = outlined(case.volume, view, click)
            found_mm = axes_of(rings(cover)).long_axis_mm
            off = abs(found_mm / case.axes.long_axis_mm - 1) > OFF
            yield evidence(score, cover, second_outline(view, click)), off


def fit(seen: np.ndarray, off: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is usual of each evidence, and the limit; nothing is weighted, so that few wrong clicks are enough."""
    mean, deviation = seen.mean(axis=0), seen.std(axis=0)
    doubt = ((seen - mean) / deviation).sum(axis=1)
    limit = np.quantile(doubt[~off], 1 - FLAGGED, keepdims=True)
    return {"doubt_mean": mean, "doubt_deviation": deviation, "doubt_from": limit}


def flagged(seen: np.ndarray, fitted: dict[str, np.ndarray]) -> np.ndarray:
    """Return which measurements a fit flags."""
    doubt = ((seen - fitted["doubt_mean"]) / fitted["doubt_deviation"]).sum(axis=1)
    return np.asarray(doubt >= fitted["doubt_from"])


def main() -> None:
    """Draw, say how many are caught where a study is left out, and write."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    drawn = {study: list(clicks(study)) for study in VOLUMES}
    seen = np.array([one for study in VOLUMES for one, _ in drawn[study]])
    off = np.array([wrong for study in VOLUMES for _, wrong in drawn[study]])
    of = np.array([study for study in VOLUMES for _ in drawn[study]])
    told = np.zeros(len(off), dtype=bool)
    for study in VOLUMES:
        told[of == study] = flagged(seen[of == study], fit(seen[of != study], off[of != study]))
    logger.info("left out: %d of %d off, %d of %d others", told[off].sum(), off.sum(), told[~off].sum(), (~off).sum())
    trees = {name: one for name, one in load_file(WEIGHTS).items() if not name.startswith("doubt")}
    save_file(trees | fit(seen, off), WEIGHTS)


if __name__ == "__main__":
    main()
