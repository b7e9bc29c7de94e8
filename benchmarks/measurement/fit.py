"""Fit what judges surfaces, `lesion_tracker/measurement/judge.safetensors`, on implants; no real lesion and no final study.

python -m benchmarks.measurement.fit         some minutes on one core; what was drawn is kept in .cache
"""

import argparse
import logging
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.ensemble import ExtraTreesRegressor

from benchmarks.accuracy.data import CACHE, DATA
from benchmarks.measurement.cases import Case, implant_cases
from lesion_tracker.measurement.axes import axes_of, rings
from lesion_tracker.measurement.candidates import candidates, features
from lesion_tracker.measurement.judge import WEIGHTS
from lesion_tracker.measurement.outline import outline
from lesion_tracker.measurement.second_opinion import second_outline
from lesion_tracker.measurement.view import view_of
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

VOLUMES = (
    *("abdomen_hcc_006", "chest_cmb_crc_01068", "qin_lsc_0049"),
    *("liver_crlm_1004", "liver_crlm_1006", "trunk_amos_0336"),
)
SEED = 77
LUNG, SOFT = 6, 10
"""Implants of a study, each in two scans; a click each."""
TREES, LEAST_IN_LEAF = 60, 5
NEAR = 0.6
"""Surfaces whose size is off by more in its logarithm count as having nothing in common with the lesion."""


@dataclass(frozen=True, eq=False)
class Example:
    """One click on one implant.

    Args:
        study: that it was drawn into.
        seen: (surfaces, features).
        balls_mm: of the surfaces.
        dice: of each surface's outline.
        long_mm: of each surface's outline.
        second_mm: long axis of the second opinion, 0 for none.
        true_mm: long axis.
    """

    study: str
    seen: np.ndarray
    balls_mm: np.ndarray
    dice: np.ndarray
    long_mm: np.ndarray
    second_mm: float
    true_mm: float


def example(study: str, case: Case, rng: np.random.Generator) -> Example:
    """Return a click on an implant, with what each of its surfaces would give."""
    click = case.clicks(1, rng)[0]
    view = view_of(case.volume, click)
    found = candidates(view, click)
    true_mm = float(np.cbrt(case.truth.hu.sum() * np.prod(case.truth.grid.spacing_mm) * 3 / (4 * np.pi)))
    dice, long_mm = np.zeros(len(found.radii)), 2.5 * found.ball_mm  # of a surface that is far too large or small
    for n in np.flatnonzero(np.abs(np.log(found.ball_mm / true_mm)) < NEAR):
        cover = outline(case.volume, click, found.radii[n], found.profiles, found.noise_hu)
        outer = rings(cover)
        dice[n], long_mm[n] = _dice(cover, case.truth), axes_of(outer).long_axis_mm if outer else 0.0
    second = rings(second_outline(view, click))
    return Example(
        study,
        features(found),
        found.ball_mm,
        dice,
        long_mm,
        axes_of(second).long_axis_mm if second else 0.0,
        case.axes.long_axis_mm,
    )


def _dice(cover: Volume, truth: Volume) -> float:
    """Return the Dice coefficient of an outline, whose voxels are some of the truth's."""
    low = np.rint(truth.grid.indices_from_lps(cover.grid.origin_mm[None])[0]).astype(int)
    x, y, z = low + cover.grid.size
    true, found = truth.hu >= 0.5, cover.hu > 0.5
    both = found & true[low[2] : z, low[1] : y, low[0] : x]
    return float(2 * both.sum() / max(1, found.sum() + true.sum()))


def examples(study: str) -> list[Example]:
    """Return the examples of one study; drawn once."""
    kept = CACHE / "measurement" / f"fit_{study}_{SEED}.pkl"
    if not kept.exists():
        rng = np.random.default_rng([SEED, 1, sum(study.encode())])
        pairs = implant_cases(DATA / "volumes" / f"{study}.nii.gz", LUNG, SOFT, SEED)
        made = [example(study, case, rng) for pair in pairs for case in pair]
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(made))
        logger.info("%s: %d clicks", study, len(made))
    return list(pickle.loads(kept.read_bytes()))


def fit_scores(known: list[Example]) -> dict[str, np.ndarray]:
    """Fit the trees that say from a surface's features what Dice coefficient its outline will have."""
    forest = ExtraTreesRegressor(TREES, min_samples_leaf=LEAST_IN_LEAF, random_state=SEED)
    forest.fit(np.concatenate([one.seen for one in known]), np.concatenate([one.dice for one in known]))
    trees = [one.tree_ for one in forest.estimators_]
    most = max(one.node_count for one in trees)

    def of_nodes(get: Callable[[Any], np.ndarray], kind: type) -> np.ndarray:
        return np.stack([np.pad(get(one).astype(kind), (0, most - one.node_count)) for one in trees])

    return {
        "feature": of_nodes(lambda tree: np.maximum(tree.feature, -1), np.int8),
        "threshold": of_nodes(lambda tree: tree.threshold, np.float32),
        "left": of_nodes(lambda tree: tree.children_left, np.int16),
        "right": of_nodes(lambda tree: tree.children_right, np.int16),
        "value": of_nodes(lambda tree: tree.value[:, 0, 0], np.float32),
    }


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    known = [one for study in VOLUMES for one in examples(study)]
    doubts = {name: one for name, one in load_file(WEIGHTS).items() if name.startswith("doubt")}
    save_file(fit_scores(known) | doubts, args.out)
    logger.info("the flag is of other trees: python -m benchmarks.measurement.fit_flag")


if __name__ == "__main__":
    main()
