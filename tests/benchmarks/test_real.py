"""The benchmark on real people: slabs lie where their slice was, and the table counts what a reader would meet."""

from typing import Any

import numpy as np
import pytest

from benchmarks.real.cases import slab_pair
from benchmarks.real.page import line, markdown, said, silent
from benchmarks.real.slabs import KINDS, SLICE_MM, SLICES, slab_at, stepped
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.scoring.pairs_file import LesionTruth, PairEntry
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume


def numbered(z_step: float = 2.5) -> Volume:
    """Return a study whose slices hold their own number."""
    hu = np.broadcast_to(np.arange(20, dtype=np.int16)[:, None, None], (20, 12, 16)).copy()
    matrix = np.diag([1.5, 2.0, z_step, 1.0])
    matrix[:3, 3] = [-10.0, 5.0, -40.0]
    return Volume(hu, Grid((16, 12, 20), matrix))


@pytest.mark.parametrize("z_step", [2.5, -2.5])
@pytest.mark.parametrize("beside", [0, 1])
def test_a_slab_is_one_slice_repeated_round_the_place_it_was_taken_from(z_step, beside):
    volume = numbered(z_step)
    place = volume.grid.lps_from_indices(np.array([[4.0, 3.0, 7.3]]))[0]
    slab, middle = slab_at(volume, place, beside)
    assert np.unique(slab.hu).tolist() == [7 + beside]
    np.testing.assert_allclose(middle, volume.grid.lps_from_indices(np.array([[4.0, 3.0, 7.0 + beside]]))[0])
    np.testing.assert_allclose(slab.grid.indices_from_lps(middle[None])[0], [4.0, 3.0, (SLICES - 1) / 2])
    np.testing.assert_allclose(slab.grid.spacing_mm, [1.5, 2.0, SLICE_MM])
    assert np.sign(slab.grid.lps_from_index[2, 2]) == np.sign(z_step)


def test_8_bit_steps_keep_the_values_to_half_a_step():
    hu = np.arange(-1024, 3072, dtype=np.int16).reshape(16, 16, 16)
    steps = stepped(Volume(hu, Grid((16, 16, 16), np.eye(4))), np.random.default_rng(0)).hu
    assert np.abs(steps.astype(int) - hu).max() <= 8
    assert np.unique(steps).size <= 257


@pytest.mark.parametrize("back", [False, True])
def test_a_pair_of_slabs_goes_both_ways_in_time(tmp_path, back):
    for name in ("before", "after"):
        write_volume(numbered(), tmp_path / f"{name}.nii.gz")
    early, late = (numbered().grid.lps_from_indices(np.array([[4.0, 3.0, z]]))[0] for z in (5.0, 11.0))
    marked = LesionTruth(Lesion("a", tuple(float(v) for v in early), 6.0), tuple(float(v) for v in late), 6.0)
    entry = PairEntry(tmp_path / "before.nii.gz", tmp_path / "after.nii.gz", (marked,))
    made = slab_pair(entry, marked, back, [name for name, _, _ in KINDS].index("as it is"), np.random.default_rng(0))
    first, second = (11, 5) if back else (5, 11)
    assert (np.unique(made.pair.baseline.hu).tolist(), np.unique(made.pair.followup.hu).tolist()) == ([first], [second])
    np.testing.assert_allclose(made.truth[0]["baseline_mm"], late if back else early)
    np.testing.assert_allclose(made.truth[0]["followup_mm"], early if back else late)
    assert made.truth[0]["in_plane"]


def record(states: dict[str, tuple[float, str]], *, failed: str = "", **truth: Any) -> dict[str, Any]:
    """Return a pair whose lesion at (0, 0, 0), radius 6 mm, every method puts so far along z, with that state."""
    rows = {
        method: [{"center_mm": [0.0, 0.0, states[method][0]], "state": states[method][1], "confidence": 0.7}]
        for method in states
    }
    return {
        "pair": "p",
        "data": "d",
        "volume": "v",
        "truth": [{"id": "a", "followup_mm": [0, 0, 0], "followup_radius_mm": 6.0, **truth}],
        "rows": rows,
        "failed": dict.fromkeys(states, failed) if failed else {},
        "seconds": {method: {"first": 3.0, "registration": 2.0} for method in states},
    }


ALL = ("affine", "deformable", "dlt", "auto", "refined")


def test_the_table_counts_answered_found_right_wrong_and_wrong_but_found():
    records = [
        record(dict.fromkeys(ALL, (5.0, "found"))),
        record(dict.fromkeys(ALL, (5.0, "uncertain"))),
        record(dict.fromkeys(ALL, (7.0, "found"))),  # beyond its radius
        record(dict.fromkeys(ALL, (30.0, "uncertain"))),
        record(dict.fromkeys(ALL, (1.0, "outside"))),
        record(dict.fromkeys(ALL, (np.inf, "uncertain")), failed="nothing in common"),
    ]
    pairs, refused, lesions, answered, found, right, flagged, wrong, worst = line("d", "auto", records)[2:11]
    assert (pairs, refused, lesions, answered) == ("6", "1", "6", "4")
    assert (found, right, flagged, wrong, worst) == ("2", "2", "1", "2", "1")
    assert line("d", "auto", records)[11] == "6.00 (5.00 to 30.00)"
    assert silent(records)[-1] == "- `refined`, p: a: 7.0 mm off, confidence 0.70"
    page = markdown(records, "# head")
    assert "- p: nothing in common" in page
    assert page.count("| **all** |") == len(ALL)


def test_of_a_slab_only_the_plane_counts():
    flat, solid = record({"auto": (30.0, "found")}, in_plane=True), record({"auto": (30.0, "found")})
    assert said(flat, "auto")[0].right
    assert said(solid, "auto")[0].wrong


def test_seconds_of_registration_are_those_of_the_row_that_computed_it():
    made = record(dict.fromkeys(ALL, (0.0, "found")))
    made["seconds"]["deformable"]["registration"] = 0.01  # found in the cache
    assert line("d", "deformable", [made])[12] == "2.0 (2.0 to 2.0)"
    assert line("d", "auto", [made])[12] == "3.0 (3.0 to 3.0)"
