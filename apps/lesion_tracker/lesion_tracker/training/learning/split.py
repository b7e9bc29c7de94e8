"""Which patients teach and which test: patients are split, never lesions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

HELD_OUT_LESIONS = 8
HELD_OUT_PATIENTS = 3
MOST_FOLDS = 3


@dataclass(frozen=True)
class Fold:
    """Patients to test on; all others teach."""

    tested: frozenset[str]


@dataclass(frozen=True)
class Split:
    """How what was learned is tested.

    Args:
        folds: one where patients are held out, several where all are tested in turn.
        held_out: whether one set of patients is held out; else the corrections are cross-validated by patient.
    """

    folds: tuple[Fold, ...]
    held_out: bool

    @property
    def name(self) -> str:
        """What the gate's answer and the card call it."""
        return "held-out patients" if self.held_out else f"{len(self.folds)}-fold cross-validation by patient"


def split_patients(corrected: Mapping[str, int], rng: np.random.Generator) -> Split:
    """Hold out patients where there are enough, else cross-validate.

    At least 8 corrected lesions of at least 3 patients are held out if as many stay to teach with.

    Args:
        corrected: corrected lesions of each patient; 0 for one whose tracks were only accepted.
        rng: decides who is held out.

    Raises:
        ValueError: with fewer than two patients that have corrections: nothing could be tested on a patient unseen.
    """
    patients = sorted(patient for patient, count in corrected.items() if count)
    if len(patients) < 2:
        raise ValueError(f"corrections of at least 2 patients are needed, there are {len(patients)}")
    order = [patients[n] for n in rng.permutation(len(patients))]
    held: list[str] = []
    for patient in order:
        if len(held) >= HELD_OUT_PATIENTS and sum(corrected[name] for name in held) >= HELD_OUT_LESIONS:
            break
        held.append(patient)
    left = [name for name in patients if name not in held]
    enough = len(held) >= HELD_OUT_PATIENTS and sum(corrected[name] for name in held) >= HELD_OUT_LESIONS
    if enough and len(left) >= HELD_OUT_PATIENTS and _count(corrected, left) >= _count(corrected, held):
        return Split((Fold(frozenset(held)),), held_out=True)
    return Split(_folds(corrected, order), held_out=False)


def _folds(corrected: Mapping[str, int], order: list[str]) -> tuple[Fold, ...]:
    """Spread the patients over up to three folds, the largest first, each to the fold with the fewest lesions."""
    folds: list[list[str]] = [[] for _ in range(min(MOST_FOLDS, len(order)))]
    for patient in sorted(order, key=lambda name: -corrected[name]):
        min(folds, key=lambda fold: (_count(corrected, fold), len(fold))).append(patient)
    return tuple(Fold(frozenset(fold)) for fold in folds)


def _count(corrected: Mapping[str, int], patients: list[str]) -> int:
    return sum(corrected[name] for name in patients)
