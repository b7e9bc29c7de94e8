"""What differs between two scans: slices, kernel, noise, contrast and coverage do what they say."""

import pytest
import torch

from lesion_tracker.training.examples.appearance import Appearance, apply_appearance, blurred, thick_slices


def test_thick_slices_leave_a_ramp_as_it_is_away_from_the_ends() -> None:
    ramp = torch.arange(12.0)[:, None, None].expand(12, 4, 4) * 10
    for slices, first in ((2, 0), (2, 1), (3, 0), (3, 2)):
        assert torch.allclose(thick_slices(ramp, slices, first)[3:9], ramp[3:9], atol=1e-4)


def test_a_bright_slice_is_spread_over_its_thick_slice() -> None:
    hu = torch.zeros(9, 2, 2)
    hu[4] = 300.0  # slices 3, 4, 5 are one thick slice, with its middle at 4
    assert thick_slices(hu, 3, 0)[4, 0, 0] == pytest.approx(100.0)
    assert float(thick_slices(hu, 3, 0)[1].abs().max()) == pytest.approx(0.0)


def test_blurring_keeps_the_sum_and_has_the_width_asked_for() -> None:
    hu = torch.zeros(1, 31, 31)
    hu[0, 15, 15] = 1000.0
    soft = blurred(hu, 2.0)[0]
    offset = torch.arange(31.0) - 15
    assert float(soft.sum()) == pytest.approx(1000.0, rel=1e-4)
    assert float((soft.sum(0) * offset**2).sum() / soft.sum()) == pytest.approx(4.0, rel=0.1)  # cut at 2.5 sigma


def test_noise_has_the_standard_deviation_asked_for_also_where_it_is_correlated() -> None:
    flat = torch.zeros(16, 64, 64)
    for blur in (0.0, 0.8):
        noisy = apply_appearance(flat, 0.8, 0.0, Appearance(noise_hu=20.0, noise_blur_mm=blur), seed=3)
        assert float(noisy.std()) == pytest.approx(20.0, rel=0.02)


def test_contrast_changes_tissue_and_leaves_air_and_bone() -> None:
    hu = torch.full((4, 8, 8), 80.0)
    hu[0], hu[1] = -1000.0, 900.0
    seen = apply_appearance(hu, 0.8, 0.0, Appearance(contrast_hu=40.0), seed=1)
    assert torch.allclose(seen[:2], hu[:2], atol=1e-3)
    assert bool(((seen[2:] - 80 > 15) & (seen[2:] - 80 < 65)).all())  # 0.4 to 1.6 of 40 HU


def test_what_lies_beyond_the_coverage_is_air() -> None:
    hu = torch.zeros(10, 3, 3)
    above = apply_appearance(hu, 0.8, 100.0, Appearance(cut_mm=(109.0, 1)), seed=0)  # slices at 100, 102 ... 118
    assert float(above[:5].abs().max()) == 0.0
    assert bool((above[5:] == -1024).all())
    below = apply_appearance(hu, 0.8, 100.0, Appearance(cut_mm=(109.0, -1)), seed=0)
    assert bool((below[:5] == -1024).all())


def test_the_same_seed_gives_the_same_scan_and_another_one_another() -> None:
    look, hu = Appearance(noise_hu=10.0, contrast_hu=20.0), torch.full((4, 8, 8), 60.0)
    first, again, other = (apply_appearance(hu, 0.8, 0.0, look, seed) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
