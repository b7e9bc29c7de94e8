"""The looser rules of later papers, worked out by hand."""

import numpy as np

from lesion_tracker.scoring.looser import LooserHits, looser_hits

BOX = np.array([10.0, 10.0, 10.0, 6.0, 6.0, 3.0])
"""Diagonal of 9 voxels."""
TRUTH = np.array([13.0, 13.0, 11.0])


def hits(answer, spacing_mm=(1.0, 1.0, 1.0), box=BOX):
    return looser_hits(np.array(answer), TRUTH, np.array(spacing_mm), box)


def test_an_exact_answer_counts_everywhere():
    assert hits(TRUTH) == LooserHits(True, True, True, True)


def test_the_box_counts_its_border_and_the_diagonal_does_not():
    assert hits([16.0, 16.0, 13.0]).uae_in_box
    assert not hits([16.1, 16.0, 13.0]).uae_in_box
    assert hits([13.0, 13.0, 19.9]).tlt_in_diagonal
    assert not hits([13.0, 13.0, 20.0]).tlt_in_diagonal


def test_one_rule_counts_mm_and_the_other_voxels():
    two_slices_off = hits([13.0, 13.0, 13.0], spacing_mm=(0.8, 0.8, 5.0))
    assert (two_slices_off.uae_within_10mm, two_slices_off.tlt_within_10_voxels) == (True, True)
    three_slices_off = hits([13.0, 13.0, 14.0], spacing_mm=(0.8, 0.8, 5.0))
    assert (three_slices_off.uae_within_10mm, three_slices_off.tlt_within_10_voxels) == (False, True)


def test_ten_voxels_bound_a_large_box():
    large = np.array([0.0, 0.0, 0.0, 40.0, 40.0, 20.0])
    far = hits([23.0, 13.0, 11.0], box=large)
    assert (far.tlt_in_diagonal, far.tlt_within_10_voxels) == (True, False)
