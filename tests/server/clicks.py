"""Clicks on drawn lesions, as the viewers send them: voxel indices of the loaded volume."""

from typing import Any

import numpy as np

from tests.server.phantom import FLIPPED_SHIFT_MM, PATIENTS, SHIFTS_MM, grid_along

BY_NAME = {patient.name: patient for patient in PATIENTS}


def baseline_clicks(name: str) -> dict[str, list[list[int]]]:
    """Return a click on each lesion of a patient's earliest study."""
    index = np.rint(grid_along().indices_from_lps(np.array(BY_NAME[name].lesions_mm))).astype(int)
    return {f"lesion_{n}": [[int(v) for v in voxel]] for n, voxel in enumerate(index, start=1)}


def expected_mm(name: str, study: str = "20210101") -> np.ndarray:
    """Return where a patient's lesions lie in a follow-up, LPS mm."""
    shift = FLIPPED_SHIFT_MM if study == "20220101" else SHIFTS_MM[name]
    return np.array(BY_NAME[name].lesions_mm) + np.array(shift)


def click_lesions(client: Any, name: str) -> tuple[str, dict[str, Any]]:
    """Mark a patient's lesions in the earliest study, with a client's `infer`."""
    clicks: dict[str, Any] = {f"lesion_{n}": [] for n in range(1, 21)}
    clicks |= baseline_clicks(name)
    clicks |= {"label": "lesion_1", "radius_mm": "", "patient": "", "study_date": ""}
    return client.infer("mark_lesion", f"{name}__20200101", clicks)
