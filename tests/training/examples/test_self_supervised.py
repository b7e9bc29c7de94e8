"""Self-supervision: the true centre is carried to 0.1 mm, and noise and blur are as strong as the paper says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.examples.appearance import Appearance
from lesion_tracker.training.examples.augmentation import transformed_signal
from lesion_tracker.training.examples.self_supervised import AugmentedScan, draw_self_supervised_pair
from lesion_tracker.training.examples.warp import Warp
from lesion_tracker.volumes.volume import Volume
from tests.training.made import NO_ERRORS, SCENARIO, made_examples, made_study

STUDY = made_study(lesions=False)


def test_the_true_centre_is_exact_to_a_tenth_of_a_millimetre() -> None:
    grid = STUDY.volume.grid
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    ramps = [0.8 * i * 10, 0.8 * j * 10, 2.0 * k * 10]  # 10 HU for each mm: exact for linear sampling
    checked = 0
    for number in range(16):
        pair = draw_self_supervised_pair([STUDY], NO_ERRORS, SCENARIO, np.random.default_rng([6, number]))
        for lesion in pair.lesions:
            if lesion.followup_mm is None or not grid.contains(lesion.clicked_mm[None], -6.0)[0]:
                continue
            crop = crop_grid(lesion.followup_mm - np.array([6.4, 6.4, 8.0]), (17, 17, 9))
            read = []
            for ramp in ramps:
                study = Volume(ramp.astype(np.float32), grid)
                clean = replace(pair.followup, study=study, noise_hu=0.0, blur_voxels=0.0)
                read.append(float(clean.source()(crop)[4, 8, 8]) / 10)
            assert np.array(read) == pytest.approx(lesion.clicked_mm, abs=0.1)
            checked += 1
    assert checked > 15


def test_noise_and_blur_happen_half_of_the_time_and_stay_in_range() -> None:
    scans = [
        draw_self_supervised_pair([STUDY], NO_ERRORS, SCENARIO, np.random.default_rng([7, n])).followup
        for n in range(60)
    ]
    noise = np.array([scan.noise_hu for scan in scans])
    blur = np.array([scan.blur_voxels for scan in scans])
    assert 0.3 < np.mean(noise > 0) < 0.7
    assert 0.3 < np.mean(blur > 0) < 0.7
    assert noise.max() <= 400 * 0.05**0.5  # a variance of 0.05 in the soft-tissue window of 400 HU
    assert blur[blur > 0].min() >= 0.5
    assert blur.max() <= 1.5


def test_noise_and_blur_are_as_strong_as_they_say_and_come_from_the_seed() -> None:
    flat = Volume(np.zeros((20, 60, 60), dtype=np.int16), crop_grid(np.zeros(3), (60, 60, 20)))
    grid = crop_grid(np.array([4.0, 4.0, 4.0]), (48, 48, 16))
    noisy = AugmentedScan(flat, None, (), Appearance(), 5, 50.0, 0.0)
    assert float(noisy.source()(grid).std()) == pytest.approx(50.0, rel=0.02)
    assert torch.equal(noisy.source()(grid), noisy.source()(grid))
    dot = np.zeros((20, 60, 60), dtype=np.int16)
    dot[10, 30, 30] = 1000
    blurred = AugmentedScan(Volume(dot, flat.grid), None, (), Appearance(), 5, 0.0, 1.0).source()(flat.grid)
    # the discrete Gaussian of sigma 1 has 0.38 in its middle tap, along each of three axes
    assert float(blurred.max()) == pytest.approx(1000 * 0.38**3, rel=0.1)


def test_examples_are_numbered_and_their_search_signal_is_the_warped_one() -> None:
    examples = made_examples(1, {"self_supervised": 1.0})
    first, again = examples[3], examples[3]
    assert torch.equal(first.inputs.search_image, again.inputs.search_image)
    assert torch.equal(first.inputs.search_signal, again.inputs.search_signal)
    assert first.inputs.search_signal.shape[2:] == first.targets.shape[1:]
    assert first.inputs.search_signal.dtype == torch.float32
    assert all(truth is not None for truth in first.truth_mm)


def test_the_search_signal_of_an_example_is_warped_as_its_image_is() -> None:
    differing = 0
    for number in range(6):
        example = made_examples(1, {"self_supervised": 1.0})[number]
        pair = draw_self_supervised_pair([STUDY], NO_ERRORS, SCENARIO, np.random.default_rng([1, number, 1]))
        warp = pair.followup.warp or Warp(np.eye(4))
        for signal, lesion in zip(example.inputs.search_signal[:, 0], pair.lesions, strict=True):
            center = warp(lesion.expected_mm[None])[0]
            warped = transformed_signal(pair.search_grid, warp, center, lesion.radius_mm, 4.0)
            assert torch.equal(signal, warped)
            plain = transformed_signal(pair.search_grid, Warp(np.eye(4)), lesion.expected_mm, lesion.radius_mm, 4.0)
            differing += float((signal - plain).abs().max()) > 0.02
    assert differing > 0
