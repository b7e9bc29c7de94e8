"""Examples: the true place is exact in every scenario, and example n of a seed is always the same."""

import hashlib
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lesion_tracker.network.inputs import hu_source
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.training.examples.appearance import Appearance
from lesion_tracker.training.examples.augmentation import transformed_signal
from lesion_tracker.training.examples.constructed import draw_constructed_pair
from lesion_tracker.training.examples.draw import RegistrationErrors, random_radius
from lesion_tracker.training.examples.example import Example
from lesion_tracker.training.examples.implants import random_implant
from lesion_tracker.training.examples.kinds import kinds_of
from lesion_tracker.training.examples.numbered import NumberedExamples
from lesion_tracker.training.examples.pair import ExampleLesion, ExamplePair
from lesion_tracker.training.examples.scan import Scan
from lesion_tracker.training.examples.supervised import draw_supervised_pair
from lesion_tracker.training.examples.warp import Bump, Warp, pose
from lesion_tracker.volumes.volume import Volume
from tests.training.made import LESION_MM, NO_ERRORS, SCENARIO, SHIFT_MM, made_examples, made_pair, made_study

STUDY = made_study()
SCENARIOS = {
    "still": replace(SCENARIO, implant=0.3, moving=0.0),
    "moving": replace(SCENARIO, implant=0.3, moving=1.0),
    "implants": replace(SCENARIO, implant=1.0, moving=0.3, vanished=0.0),
}

TOLERANCE_MM = {"still": 0.1, "moving": 0.35, "implants": 0.35}
"""Warps are linear between the corners of cells (4 mm); the edge of a region of 11 mm bends by 0.3 mm between two."""


def examples(**changes: object) -> NumberedExamples:
    return made_examples(3, **changes)


def digest(example: Example) -> str:
    inputs = example.inputs
    tensors = (inputs.template_image, inputs.template_signal, inputs.search_image, inputs.search_signal)
    content = b"".join(t.contiguous().numpy().tobytes() for t in (*tensors, example.targets, example.places))
    return hashlib.sha256(content + repr((inputs.cells, example.truth_mm)).encode()).hexdigest()


def baseline_place(pair: ExamplePair, number: int) -> np.ndarray:
    """Return where a lesion's true centre lies in the baseline: known without the warp."""
    kind = pair.lesions[number].kind
    if kind == "implant":
        return pair.baseline.implants[0].center_mm
    return LESION_MM if kind == "marked" else pair.lesions[number].clicked_mm


def read_at(scan: Scan, values: np.ndarray, point_mm: np.ndarray) -> float:
    """Return what a scan would show at a point if its study held `values`, with neither implants nor noise."""
    study = Volume(values.astype(np.float32), scan.study.grid)
    clean = replace(scan, study=study, implants=(), look=Appearance())
    grid = crop_grid(point_mm - np.array([6.4, 6.4, 8.0]), (17, 17, 9))
    return float(clean.source()(grid)[4, 8, 8])


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_followup_shows_at_the_true_place_what_the_baseline_shows_at_the_lesion(name: str) -> None:
    grid = STUDY.volume.grid
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    ramps = [0.8 * i * 10, 0.8 * j * 10, 2.0 * k * 10]  # 10 HU for each mm along x, y and z: exact for linear sampling
    seen: Counter[str] = Counter()
    for number in range(12):
        pair = draw_constructed_pair([STUDY], NO_ERRORS, SCENARIOS[name], np.random.default_rng([1, number]))
        for which, lesion in enumerate(pair.lesions):
            place = baseline_place(pair, which)
            if lesion.followup_mm is None or not grid.contains(place[None], -8.0)[0]:
                continue
            read = np.array([read_at(pair.followup, ramp, lesion.followup_mm) / 10 for ramp in ramps])
            assert read == pytest.approx(place, abs=TOLERANCE_MM[name])
            seen[lesion.kind] += 1
    assert seen["structure"] > 4
    assert seen["implant" if name == "implants" else "marked"] > 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_bright_dot_at_the_lesion_is_found_at_the_true_place(name: str) -> None:
    grid = STUDY.volume.grid
    k, j, i = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    points = np.stack([0.8 * i, 0.8 * j, 2.0 * k], axis=-1)
    for number in range(4):
        pair = draw_constructed_pair([STUDY], NO_ERRORS, SCENARIOS[name], np.random.default_rng([2, number]))
        place, lesion = baseline_place(pair, 0), pair.lesions[0]
        if lesion.followup_mm is None or not grid.contains(place[None], -9.0)[0]:
            continue
        dot = 1000 * np.exp(-((points - place) ** 2).sum(-1) / (2 * 1.6**2))
        study = Volume(dot.astype(np.float32), grid)
        scan = replace(pair.followup, study=study, implants=(), look=Appearance())
        crop = crop_grid(lesion.followup_mm - np.array([12.0, 12.0, 12.0]), (31, 31, 13))
        hu = scan.source()(crop).numpy().clip(0)
        hu[hu < 0.4 * hu.max()] = 0  # its skirts are bent by the warp, its top is not
        z, y, x = (np.arange(n) for n in hu.shape)
        center = [(hu.sum((0, 1)) @ x), (hu.sum((0, 2)) @ y), (hu.sum((1, 2)) @ z)] / hu.sum()
        found = crop.lps_from_indices(np.array(center)[None])[0]
        assert np.linalg.norm(found - lesion.followup_mm) < 0.5


def test_a_moved_region_moves_the_lesion_as_far_as_it_says() -> None:
    settings = replace(SCENARIO, moving=1.0, elastic_mm=0.0, implant=0.0)
    for number in range(6):
        pair = draw_constructed_pair([STUDY], NO_ERRORS, settings, np.random.default_rng([4, number]))
        lesion, warp = pair.lesions[0], pair.followup.warp
        assert warp is not None
        if lesion.moved_mm == 0 or lesion.followup_mm is None:  # a further lesion came first
            continue
        unmoved = Warp(warp.baseline_from_followup, warp.bumps[:-1], warp.swellings)
        place = baseline_place(pair, 0)
        assert 15 <= lesion.moved_mm <= 45
        assert np.linalg.norm(lesion.followup_mm - unmoved.inverse(place[None])[0]) == pytest.approx(
            lesion.moved_mm, abs=0.01
        )


def test_an_implant_is_drawn_where_the_warp_puts_it_and_as_dense_as_it_says() -> None:
    rng = np.random.default_rng(5)
    body = random_implant(rng, LESION_MM, 7.0, 40.0)
    body = body.changed(lobes=np.zeros((0, 4)), texture=np.zeros((0, 5)), hu=250.0)
    bump = Bump(LESION_MM, np.array([6.0, -4.0, 3.0]), 30.0)
    warp = Warp(pose(LESION_MM, np.array([2.0, 0.0, 8.0]), 1.1), (bump,))
    flat = Volume(np.zeros(STUDY.volume.grid.shape, dtype=np.int16), STUDY.volume.grid)
    truth = warp.inverse(LESION_MM[None])[0]
    crop = crop_grid(truth - np.array([16.0, 16.0, 16.0]), (41, 41, 17))
    hu = Scan(flat, warp, (body,), Appearance(), 0).source()(crop).numpy()
    weights = np.where(hu > -500, hu, 0)
    z, y, x = (np.arange(n) for n in hu.shape)
    center = [weights.sum((0, 1)) @ x, weights.sum((0, 2)) @ y, weights.sum((1, 2)) @ z] / weights.sum()
    assert crop.lps_from_indices(np.array(center)[None])[0] == pytest.approx(truth, abs=0.5)
    assert float(hu[8, 20, 20]) == pytest.approx(250.0, abs=5)


def test_centre_augmentation_stays_within_a_quarter_of_the_radius() -> None:
    shares = []
    for number in range(60):
        pair = draw_supervised_pair([made_pair()], NO_ERRORS, SCENARIO, np.random.default_rng(number))
        lesion = pair.lesions[0]
        marked = min((LESION_MM, LESION_MM + SHIFT_MM), key=lambda p: np.linalg.norm(p - lesion.clicked_mm))
        shares.append(np.linalg.norm(lesion.clicked_mm - marked) / lesion.radius_mm)
    assert max(shares) <= 0.25 + 1e-9
    assert max(shares) > 0.2
    assert 0.1 < np.mean(np.array(shares) == 0) < 0.5  # a share of 0.3 is not shifted


def test_targets_have_one_positive_for_each_lesion_that_is_there_and_none_for_vanished_ones() -> None:
    for number in range(4):
        example = examples()[number]
        for truth, target, place in zip(example.truth_mm, example.targets, example.places, strict=True):
            assert int((target == 1).sum()) == (0 if truth is None else 1)
            assert float(place.sum()) == pytest.approx(0.0 if truth is None else 1.0, abs=1e-4)
    gone = examples(implant=1.0, vanished=1.0)
    vanished = [e for e in (gone[n] for n in range(4)) if e.truth_mm[0] is None]
    assert vanished
    assert float(vanished[0].targets[0].max()) == 0.0


@pytest.mark.long
def test_the_same_seed_and_number_give_the_same_example_here_and_in_another_process() -> None:
    here = digest(examples()[7])
    assert here == digest(examples()[7])
    assert here != digest(examples()[8])
    root = Path(__file__).resolve().parents[3]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "from tests.training.examples.test_examples import digest, examples; print(digest(examples()[7]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here


def test_radii_follow_the_benchmark_s_quantiles() -> None:
    rng = np.random.default_rng(0)
    radii = [random_radius(rng) for _ in range(4000)]
    assert np.percentile(radii, [5, 25, 50, 75, 95]) == pytest.approx([4.2, 6.9, 10.6, 17.2, 37.7], rel=0.08)


def test_registration_errors_have_a_tail_and_otherwise_follow_what_was_measured() -> None:
    rng = np.random.default_rng(0)
    drawn = RegistrationErrors(np.array([[4.0, 0.0, 0.0]]), tail=0.25)
    lengths = np.linalg.norm([drawn.draw(rng) for _ in range(2000)], axis=1)
    assert lengths.max() <= 46.0
    assert np.mean(lengths > 20) == pytest.approx(0.25 * 26 / 36, abs=0.03)
    rest = RegistrationErrors(np.array([[4.0, 0.0, 0.0]]), tail=0.0)
    along = np.abs([rest.draw(rng) for _ in range(300)])
    measured = along[(along[:, 1] == 0) & (along[:, 2] == 0), 0]
    assert len(measured) > 150
    assert measured.min() >= 2.0
    assert measured.max() <= 6.0


def test_supervised_pairs_are_tracked_in_both_directions_from_the_measured_points() -> None:
    pair = made_pair()
    directions = set()
    for number in range(12):
        drawn = draw_supervised_pair([pair], NO_ERRORS, SCENARIO, np.random.default_rng(number))
        lesion = drawn.lesions[0]
        forward = drawn.baseline.study is pair.baseline.volume
        directions.add(forward)
        assert lesion.followup_mm == pytest.approx(LESION_MM + (SHIFT_MM if forward else 0.0))
        assert lesion.expected_mm == pytest.approx(LESION_MM + (1.0 if forward else -3.0))
        assert lesion.followup_radius_mm == (6.5 if forward else 6.0)
        assert drawn.search_grid.contains(lesion.followup_mm[None], -6.0)[0]
    assert directions == {True, False}


def test_a_pair_that_could_not_be_registered_gets_drawn_expected_points() -> None:
    pair = made_pair()
    lost = replace(pair, lesions=(replace(pair.lesions[0], expected_mm=None, expected_back_mm=None),))
    lesion: ExampleLesion = draw_supervised_pair([lost], NO_ERRORS, SCENARIO, np.random.default_rng(0)).lesions[0]
    assert lesion.followup_mm is not None
    assert 0.01 < np.linalg.norm(lesion.expected_mm - lesion.followup_mm) < 46


def test_a_supervised_example_reads_the_two_studies_as_they_are() -> None:
    pair = made_pair()
    example = made_examples(1, {"supervised": 1.0})[0]
    grid = example.inputs.search_grid
    from lesion_tracker.network.inputs import windowed

    expected = [windowed(hu_source(study.volume)(grid)) for study in (pair.baseline, pair.followup)]
    assert any(torch.equal(image, example.inputs.search_image) for image in expected)


def test_the_number_decides_the_kind_by_the_shares() -> None:
    shares = {"constructed": 0.5, "self_supervised": 0.25, "supervised": 0.25}
    mixed = made_examples(9, shares)
    kinds = [mixed.kind(number) for number in range(2000)]
    assert kinds.count("self_supervised") / 2000 == pytest.approx(0.25, abs=0.03)
    assert kinds == [mixed.kind(number) for number in range(2000)]
    for name in shares:
        number = kinds.index(name)
        assert digest(mixed[number]) == digest(made_examples(9, {name: 1.0})[number])


def test_shares_that_do_not_add_up_and_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of \['constructed'\] add up to 0\.5, not to 1"):
        made_examples(9, {"constructed": 0.5, "supervised": 0.0})
    with pytest.raises(ValueError, match="no kind of examples 'drawn'"):
        kinds_of({"drawn": 1.0}, [STUDY], [], NO_ERRORS, SCENARIO)


def test_each_kind_draws_from_a_stream_of_its_own() -> None:
    """Kinds that shared a stream would draw the same study, lesion and crop for a number."""
    shares = {"constructed": 0.5, "self_supervised": 0.25, "supervised": 0.25}
    streams = [kind.stream for kind in kinds_of(shares, [STUDY], [made_pair()], NO_ERRORS, SCENARIO).values()]
    assert streams == [(), (1,), (2,)]  # as the published weights were trained


def test_a_detector_s_findings_take_the_place_of_drawn_points() -> None:
    finding = np.array([[30.0, 44.0, 40.0, 5.0]])
    study = replace(made_study(lesions=False), proposals=finding)
    kinds = Counter()
    for number in range(16):
        pair = draw_constructed_pair([study], NO_ERRORS, replace(SCENARIO, implant=0.4), np.random.default_rng(number))
        kinds[pair.lesions[0].kind] += 1
        if pair.lesions[0].kind == "proposal":
            assert pair.lesions[0].radius_mm == 5.0
            assert np.linalg.norm(pair.lesions[0].clicked_mm - finding[0, :3]) <= 1.25 + 1e-9
    assert kinds["proposal"] > 3
    assert kinds["implant"] > 1  # the detector does not keep lesions that grow, fade or vanish from being learned
    assert "structure" not in kinds


def test_the_anatomy_signal_is_transformed_with_the_study() -> None:
    center = LESION_MM
    warp = Warp(pose(center, np.array([0.0, 0.0, 7.0]), 1.2), (Bump(center, np.array([5.0, 2.0, -3.0]), 25.0),))
    truth = warp.inverse(center[None])[0]
    grid = crop_grid(truth - np.array([25.6, 25.6, 32.0]), (64, 64, 32))
    signal = transformed_signal(grid, warp, center, 3.0, 2.0)
    from lesion_tracker.network.cells import lps_from_cell
    from lesion_tracker.network.peaks import find_peak

    assert np.linalg.norm(find_peak(torch.log(signal), grid).center_mm - truth) < 0.6  # bent, so no exact Gaussian
    place = warp(lps_from_cell(grid, np.array([[2.0, 9.0, 5.0]])))[0]
    expected = np.exp(-((place - center) ** 2).sum() / (2 * 6.0**2))
    assert float(signal[5, 9, 2]) == pytest.approx(expected, rel=1e-4)
