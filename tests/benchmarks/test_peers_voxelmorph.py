"""VoxelMorph as a peer: directions, what its weights solve, what it refuses, and a training that goes on where it stopped."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.accuracy.data import CALIBRATION, FINAL
from benchmarks.peers.on_grid import as_map
from benchmarks.peers.peer import Peer
from benchmarks.peers.train_voxelmorph import main, read_data, validated
from benchmarks.peers.trained import WEIGHTS, trained_peers
from benchmarks.peers.voxelmorph import voxelmorph_peer
from benchmarks.peers.voxelmorph_data import base_study, draw_crops, mirrored, read_studies
from benchmarks.peers.voxelmorph_loop import Data, Run
from benchmarks.peers.voxelmorph_loss import registration_loss
from benchmarks.peers.voxelmorph_net import SPACING_MM, RegistrationNet, Sizes, displacement, windowed
from benchmarks.peers.voxelmorph_weights import load_weights, save_weights
from lesion_tracker.errors import FileFormatError, WeightsError
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.registration.common_box import common_part
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.preload import preload
from lesion_tracker.registration.register import register
from lesion_tracker.registration.working import EMPTY_HU
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.training.examples.draw import RegistrationErrors
from lesion_tracker.training.examples.warp import Bump, Warp
from lesion_tracker.training.prepared.prepare import measure_structure
from lesion_tracker.training.prepared.prepared_study import PreparedStudy
from lesion_tracker.training.prepared.writer import PreparedWriter
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from tests.registration.phantom import body_hu, study

SMALL = Sizes(channels=(4, 4, 4, 4), final_channels=(4,), integration_steps=4)
SMALL_CROP = (16, 16, 16)
NO_ERRORS = RegistrationErrors(np.zeros((0, 3)), tail=0.0)
MADE_CARD = {"steps": 3, "studies": ["one", "two"]}


class Always(nn.Module):
    """In the place of the U-Net: the same velocity everywhere."""

    def __init__(self, zyx: tuple[float, float, float]) -> None:
        super().__init__()
        self.velocity = nn.Parameter(torch.tensor(zyx).view(1, 3, 1, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.velocity.expand(1, 3, *images.shape[2:])


def always(zyx) -> RegistrationNet:
    net = RegistrationNet(SMALL).eval()
    net.unet = Always(zyx)
    return net


def prepared_study(name: str, patient: int = 0, size: tuple[int, int, int] = (80, 80, 32)) -> PreparedStudy:
    """Return the phantom's middle at 0.8 x 0.8 x 2 mm."""
    low = np.array([0.0, 0.0, 140.0]) - np.array(size) * [0.4, 0.4, 1.0]
    grid = crop_grid(low, size)
    k, j, i = np.indices(grid.shape).reshape(3, -1)
    hu = body_hu(grid.lps_from_indices(np.stack([i, j, k], axis=1)), patient)
    volume = Volume(np.clip(hu, -1024, 3071).astype(np.int16).reshape(grid.shape), grid)
    return PreparedStudy(name, volume, measure_structure(volume.hu), np.zeros((0, 4)))


@pytest.fixture(scope="module")
def data() -> Data:
    studies = [base_study(prepared_study(name, n, (144, 144, 56))) for n, name in enumerate(("one", "two"))]
    return Data(studies, studies[:1], NO_ERRORS)


@pytest.fixture
def weights(tmp_path):
    save_weights(RegistrationNet(SMALL), tmp_path / "voxelmorph", MADE_CARD)
    return tmp_path / "voxelmorph"


def test_a_shift_points_from_the_baseline_to_the_followup():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(32, 32, 32)).astype(np.float32)
    fixed, moving = (
        wide[8:24, 8:24, 8:24],
        wide[8 - 4 : 24 - 4, 8 + 2 : 24 + 2, 8 - 6 : 24 - 6],
    )  # 0 is now at (4, -2, 6)
    net = always((4.0, -2.0, 6.0))
    shift = displacement(net, fixed, moving)
    assert shift.shape == (16, 16, 16, 3)
    assert shift.reshape(-1, 3) == pytest.approx(np.tile([4.0, -2.0, 6.0], (16**3, 1)), abs=1e-3)
    images = [torch.from_numpy(image)[None, None] for image in (moving, fixed)]
    warped = net.warp(images[0], torch.from_numpy(shift).permute(3, 0, 1, 2)[None].contiguous())
    assert warped[0, 0, :12, 2:, :10].numpy() == pytest.approx(fixed[:12, 2:, :10], abs=1e-2)


def test_a_shift_in_voxels_becomes_a_map_of_points_in_mm():
    baseline = study(spacing_mm=(8.0, 8.0, 8.0))
    affine = FollowupFromBaseline("affine", np.eye(4))
    part = common_part(baseline, baseline, affine.matrix, SPACING_MM, 2e6)
    found = displacement(always((1.0, 0.0, -2.0)), part.fixed.image.hu, part.moved.image.hu)
    there = as_map(affine, part, found[..., ::-1] * SPACING_MM)
    assert there(np.array([[10.0, 5.0, 120.0]])) == pytest.approx(np.array([[2.0, 5.0, 124.0]]), abs=0.01)


def test_velocities_are_integrated_in_the_voxels_of_the_image():
    """v(x) = a (x - c) takes x to c + e^a (x - c)."""
    n, a = 32, 0.1
    place = torch.arange(n, dtype=torch.float32) - (n - 1) / 2
    velocity = torch.zeros(1, 3, n, n, n)
    velocity[0, 2] = a * place
    shift = RegistrationNet(Sizes(channels=(4, 4, 4, 4), integration_steps=8)).integrated(velocity)
    inner = slice(6, 26)
    assert shift[0, 2, 16, 16, inner].numpy() == pytest.approx((np.exp(a) - 1) * place[inner].numpy(), abs=0.01)
    assert shift[0, :2].abs().max() < 1e-6


def test_an_untrained_network_leaves_the_affine_as_it_is():
    image = np.random.default_rng(0).normal(0, 100, (17, 20, 23))
    found = displacement(RegistrationNet(SMALL).eval(), image, image[::-1].copy())
    assert found.shape == (17, 20, 23, 3)
    assert np.abs(found).max() < 0.05


def test_a_drawn_pair_shows_its_true_shift(data):
    errors = []
    for number in range(3):
        crops = draw_crops(data.studies, NO_ERRORS, np.random.default_rng(number), SMALL_CROP)
        k, j, i = np.indices(SMALL_CROP).reshape(3, -1)
        points = crops.grid.lps_from_indices(np.stack([i, j, k], axis=1))
        there = crops.grid.indices_from_lps(points + crops.true_shift(points))
        near = np.round(there).astype(int).clip(0, np.array(SMALL_CROP) - 1)
        moving = crops.moving.numpy()
        inside = (np.abs(there - near) <= 0.5).all(axis=1) & (moving[tuple(near[:, ::-1].T)] > EMPTY_HU)
        inside &= (moving.ravel() > EMPTY_HU) & (crops.fixed.numpy().ravel() > EMPTY_HU)
        near, fixed = near[inside], crops.fixed.numpy().ravel()[inside]
        errors.append(
            [
                np.corrcoef(fixed, moving[tuple(near[:, ::-1].T)])[0, 1],
                np.corrcoef(fixed, moving.ravel()[inside])[0, 1],
            ]
        )
    along, without = np.mean(errors, axis=0)
    assert along > 0.8  # the nearest voxel; noise and another look
    assert along > without + 0.15


def test_a_drawn_pair_is_always_the_same_and_mirrors_both_images_alike(data):
    first, second = (draw_crops(data.studies, NO_ERRORS, np.random.default_rng(4), SMALL_CROP) for _ in range(2))
    assert torch.equal(first.moving, second.moving)
    fixed, moving = mirrored(first, np.random.default_rng(1))
    other = mirrored(second, np.random.default_rng(1))
    assert torch.equal(fixed, other[0])
    axes = next(
        a for a in ([], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]) if torch.equal(first.fixed.flip(a), fixed)
    )
    assert torch.equal(first.moving.flip(axes), moving)


def test_the_loss_is_least_for_images_that_agree_and_grows_with_rough_shifts():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((1, 2, 16, 16, 16), generator=generator)
    other = torch.rand((1, 2, 16, 16, 16), generator=generator)
    body, still = torch.ones(1, 1, 16, 16, 16), torch.zeros(1, 3, 16, 16, 16)
    agreed = float(registration_loss(image, image, body, still))
    assert agreed == pytest.approx(-1.0, abs=0.02)
    assert float(registration_loss(image, 0.6 * image, body, still)) == pytest.approx(agreed, abs=0.02)  # contrast
    assert float(registration_loss(image, other, body, still)) > agreed + 0.2
    slope = still.clone()
    slope[0, 0] = torch.arange(16.0)[:, None, None]  # 1 along one of three axes: a mean square of 1/3
    assert float(registration_loss(image, image, body, slope)) == pytest.approx(agreed + 0.5 / 3, abs=1e-4)


@pytest.mark.long
def test_a_training_that_was_stopped_ends_as_one_that_was_not(data, tmp_path):
    device = torch.device("cpu")
    whole = Run(data, tmp_path / "whole", 4, 1, device, SMALL_CROP, SMALL)
    whole.train()
    Run(data, tmp_path / "part", 4, 1, device, SMALL_CROP, SMALL).train(until=2)
    part = Run(data, tmp_path / "part", 4, 1, device, SMALL_CROP, SMALL)
    assert part.resume()
    assert part.step == 2
    part.train()
    begun = RegistrationNet(SMALL).state_dict()
    for key, value in whole.averaged().state_dict().items():
        assert torch.equal(value, part.averaged().state_dict()[key])
        assert begun[key].shape == value.shape
    with pytest.raises(FileFormatError, match="seed is 1, not 2"):
        Run(data, tmp_path / "part", 4, 2, device, SMALL_CROP, SMALL).resume()


def test_the_training_learns_to_register(data, tmp_path):
    run = Run(data, tmp_path, 40, 1, torch.device("cpu"), SMALL_CROP, SMALL)
    before = [run._step() for _ in range(2)]
    assert np.isfinite(before).all()
    pair = draw_crops(data.studies, NO_ERRORS, np.random.default_rng(7), SMALL_CROP)
    fixed, moving = windowed(pair.fixed), windowed(pair.moving)
    body = torch.ones(1, 1, *SMALL_CROP)
    losses = []
    run.optimiser.param_groups[0]["lr"] = 3e-3
    for _ in range(40):  # one pair, again and again
        run.optimiser.zero_grad()
        shift = run.net(fixed, moving)
        loss = registration_loss(fixed, run.net.warp(moving, shift), body, shift)
        loss.backward()
        run.optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.02, losses


def test_held_out_studies_are_never_learned_from(tmp_path):
    small = prepared_study("x").volume
    with PreparedWriter(tmp_path / "mixed", {"registration_errors_mm": [[1.0, 2.0, 3.0]]}) as writer:
        for name in ("own", CALIBRATION[0], FINAL[0], "acrin_followup"):
            writer.add(PreparedStudy(name, small, measure_structure(small.hu), np.zeros((0, 4))))
    studies, held_out, errors = read_studies(tmp_path / "mixed")
    assert [one.name for one in studies] == ["own"]
    assert [one.name for one in held_out] == [CALIBRATION[0]]
    assert errors.tolist() == [[1.0, 2.0, 3.0]]
    found = validated(RegistrationNet(Sizes()).eval(), read_data(tmp_path / "mixed"), 1)
    assert found["registered_mm"] == pytest.approx(found["unregistered_mm"], abs=0.2)


def test_the_command_names_missing_and_empty_data(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run")]) == 2
    assert "nowhere holds no prepared studies" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "prepared.json").write_text(json.dumps({"schema": 1, "studies": []}))
    assert main(["--data", str(tmp_path / "empty"), "--out", str(tmp_path / "run")]) == 2
    assert "is empty" in capsys.readouterr().err
    small = prepared_study("x").volume
    with PreparedWriter(tmp_path / "held", {}) as writer:
        writer.add(PreparedStudy(FINAL[0], small, measure_structure(small.hu), np.zeros((0, 4))))
    assert main(["--data", str(tmp_path / "held"), "--out", str(tmp_path / "run")]) == 2
    assert FINAL[0] in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_without_weights_the_row_says_so(tmp_path):
    row = next(peer for peer in trained_peers("cpu", tmp_path) if peer.name == "voxelmorph")
    assert row.find is None
    assert row.lacking == "not trained: no weights in weights/voxelmorph"


def test_the_row_says_what_it_was_trained_on(weights):
    row = voxelmorph_peer("cpu", weights)
    assert row.note.endswith("trained on constructed pairs of 2 studies for 3 steps")
    assert set(row.decided_by) == {"weights", "own"}


def test_torn_weights_are_refused(weights):
    path = weights / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="torn"):
        voxelmorph_peer("cpu", weights)
    path.unlink()
    with pytest.raises(WeightsError, match="missing"):
        load_weights(weights)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("input", {"spacing_mm": 3.0}, "another network: input"),
        ("config", {"channels": [4, 4, 8, 8], "final_channels": [4]}, "another network than their card says"),
        ("config", {"width": 3}, "cannot be read"),
        ("config", {"channels": [4, 4]}, "come in pairs"),
        ("name", "dlt", "another network: name"),
    ],
)
def test_weights_of_another_network_are_refused(weights, key, value, message):
    path = weights / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(WeightsError, match=message):
        load_weights(weights)


def test_a_torn_card_is_refused(weights):
    (weights / "card.json").write_text('{"schema": 1,')
    with pytest.raises(WeightsError, match="torn"):
        load_weights(weights)
    shutil.copy(__file__, weights / "card.json")
    with pytest.raises(WeightsError, match="no JSON"):
        load_weights(weights)


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    net = RegistrationNet(SMALL)
    nn.init.constant_(next(net.parameters()), float("nan"))
    with pytest.raises(WeightsError, match="diverged"):
        save_weights(net, tmp_path / "model", MADE_CARD)
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def bent() -> tuple[Pair, np.ndarray, np.ndarray]:
    """The phantom, its smoothly bent copy in another place, points of the body and where they are."""
    preload()
    baseline = study()
    bumps = [
        Bump(np.array([x, y, z]), np.array(shift), 45.0)
        for x, y, z, shift in (
            (-60.0, 0.0, 90.0, (7.0, -6.0, 9.0)),
            (60.0, 10.0, 130.0, (-8.0, 5.0, -9.0)),
            (0.0, -30.0, 190.0, (6.0, 8.0, 10.0)),
            (20.0, 20.0, 50.0, (-5.0, -7.0, 8.0)),
        )
    ]
    shift = np.eye(4)
    shift[:3, 3] = (-20.0, 10.0, -40.0)
    warp = Warp(shift, tuple(Bump(b.center_mm - shift[:3, 3], b.shift_mm, b.width_mm) for b in bumps))
    grid = Grid(baseline.grid.size, np.linalg.inv(shift) @ baseline.grid.lps_from_index)
    k, j, i = np.indices(grid.shape).reshape(3, -1)
    hu = body_hu(warp(grid.lps_from_indices(np.stack([i, j, k], axis=1))))
    hu += np.random.default_rng(3).normal(0.0, 10.0, len(hu))
    followup = Volume(np.clip(hu, -1024, 3071).astype(np.int16).reshape(grid.shape), grid)
    points = np.random.default_rng(0).uniform([-100.0, -60.0, 50.0], [100.0, 50.0, 230.0], (60, 3))
    return Pair(baseline, followup), points, warp.inverse(points)


@pytest.mark.long
@pytest.mark.skipif(not (WEIGHTS / "voxelmorph").is_dir(), reason="VoxelMorph's weights are not here")
def test_the_weights_beside_it_solve_a_bent_body(bent):
    pair, points, truth = bent
    row: Peer = next(peer for peer in trained_peers("cpu") if peer.name == "voxelmorph")
    lesions = [Lesion(f"l{n}", (float(a), float(b), float(c)), 8.0) for n, (a, b, c) in enumerate(points)]
    found, seconds = row.find(pair, lesions)
    affine = register(pair.baseline, pair.followup, "affine")(points)
    left, before = (np.linalg.norm(these - truth, axis=1).mean() for these in (found, affine))
    assert left < 0.85 * before, (left, before)  # 3.9 of 5.0 mm: the network has seen no such body, and 1,000 steps
    assert 0 < seconds.further < seconds.first
    assert (WEIGHTS / "voxelmorph" / "weights.safetensors").stat().st_size < 10e6
