"""Which studies the benchmarks read, and where from."""

import functools
import os
from pathlib import Path

from benchmarks.constructed.places import Places, find_places
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("BENCHMARK_DATA", REPOSITORY.parent / "shared" / "data"))
"""Holds `volumes/` and `pairs/`; BENCHMARK_DATA names another place."""
MODEL = REPOSITORY / "apps" / "lesion_tracker" / "model"
CACHE = REPOSITORY / ".cache" / "benchmarks"

FINAL = ("chest_lidc_0001", "abdomen_acrin_001")
"""Never trained on, and no weights and no fit were chosen by them: the final figures are theirs. Two rules of the tracker were
changed after answers on them had been seen; `benchmarks/accuracy/MISSED.md` says which.

Other benchmarks time registration on them too (`benchmarks.registration`), and the tests of learning read them."""
CALIBRATION = ("chest_acrin_013", "abdomen_cptac_00189", "acrin_nsclc_042", "lungct_diag_r168")
"""Never trained on; confidences are fitted on them."""


@functools.lru_cache(maxsize=2)
def study(folder: Path, name: str) -> tuple[Volume, Places]:
    """Return a study and where lesions can be in it."""
    volume = read_volume(folder / f"{name}.nii.gz")
    return volume, find_places(volume)
