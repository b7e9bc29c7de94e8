"""The peer that detects first: its targets and loss by hand, balls that overlap, discs that join, and a lesion found."""

import math

import numpy as np
import pytest
import torch

from benchmarks.peers import detector_examples
from benchmarks.peers.candidates import ball_overlap, find_candidates, join_slices, suppressed
from benchmarks.peers.detector import ANCHOR_MM, DetectorNet, anchors, contrast, slab_grid
from benchmarks.peers.detector_loop import Run, RunSettings
from benchmarks.peers.detector_peer import detector_peers
from benchmarks.peers.detector_targets import absolute, detector_loss, relative, targets_of
from benchmarks.peers.detector_weights import load_net, save_net
from benchmarks.peers.embedding import EmbeddingNet
from benchmarks.peers.trained import WEIGHTS
from lesion_tracker.errors import FileFormatError, WeightsError
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.records.lesion import Lesion
from tests.tracking import made_pair
from tests.training.made import made_study

TINY = NetworkConfig(blocks=(1, 1, 1), growth=4, stem=4, bottleneck=2, features=4, global_kernel=None, anatomy=False)
ROWS = [peer.name for peer in detector_peers(WEIGHTS)]


def test_each_cell_of_three_scales_has_an_anchor_in_the_middle_of_its_voxels():
    rows = anchors(crop_grid(np.array([100.0, 0.0, -40.0]), (32, 16, 4)), "3d")
    assert len(rows) == 8 * 4 * 2 + 4 * 2 * 2 + 2 * 1 * 2
    assert rows[0] == pytest.approx([100 + 1.5 * 0.8, 1.5 * 0.8, -40 + 0.5 * 2.0, ANCHOR_MM[0]])
    assert rows[-1] == pytest.approx([100 + (16 + 7.5) * 0.8, 7.5 * 0.8, -40 + 2.5 * 2.0, ANCHOR_MM[2]])


@pytest.mark.parametrize(("mode", "size"), [("3d", (32, 16, 4)), ("2.5d", (32, 16, 6))])
def test_the_network_answers_once_an_anchor(mode, size):
    grid = crop_grid(np.zeros(3), size)
    logits, balls = DetectorNet(mode, TINY)(torch.zeros(2, 3, *grid.shape))
    assert logits.shape == (2, len(anchors(grid, mode)))
    assert balls.shape == (*logits.shape, 4)
    assert float(torch.sigmoid(logits).detach().mean()) == pytest.approx(0.01, abs=0.005)  # the prior


def test_the_slabs_anchors_lie_in_its_middle():
    rows = anchors(slab_grid(crop_grid(np.zeros(3), (32, 16, 24)), 4), "2.5d")
    assert set(rows[:, 2]) == {(4 + 2.5) * 2.0}


def test_a_ball_comes_back_from_its_anchor():
    rows = np.array([[10.0, -4.0, 6.0, 6.0], [0.0, 0.0, 0.0, 12.0]])
    balls = np.array([[12.0, -4.0, 3.0, 9.0], [1.0, 2.0, 3.0, 12.0]])
    assert relative(rows, balls)[0] == pytest.approx([2 / 6, 0.0, -0.5, math.log(1.5)])
    assert absolute(rows, relative(rows, balls)) == pytest.approx(balls)


def test_a_lesion_belongs_to_the_scale_of_its_size_and_its_rim_is_not_judged():
    x = np.arange(0.0, 30.0, 4.0)
    rows = np.concatenate([np.column_stack([x, 0 * x, 0 * x, 0 * x + radius]) for radius in (6.0, 12.0, 24.0)])
    wanted = targets_of(rows, np.array([[13.0, 0.0, 0.0, 11.0]]))
    # 11 mm is nearest to 12 mm; 0.75 radii are 8.25 mm: the anchors at 8 to 20 mm, 5, 1, 3 and 7 mm away
    assert wanted.positive.nonzero().flatten().tolist() == [8 + 2, 8 + 3, 8 + 4, 8 + 5]
    inside = {place for place in range(8) if abs(x[place] - 13) <= 11}
    assert {n for n in range(24) if not wanted.counted[n]} == {s * 8 + n for s in range(3) for n in inside} - {
        10,
        11,
        12,
        13,
    }
    assert wanted.balls[11].numpy() == pytest.approx([1 / 12, 0, 0, math.log(11 / 12)])


def test_a_lesion_smaller_than_a_cell_still_has_its_nearest_anchor():
    rows = np.array([[0.0, 0, 0, 6], [4.0, 0, 0, 6]])
    assert targets_of(rows, np.array([[1.9, 0, 0, 1.0]])).positive.tolist() == [True, False]


def test_without_a_lesion_all_anchors_are_judged_and_none_is_positive():
    wanted = targets_of(np.array([[0.0, 0, 0, 6], [4.0, 0, 0, 6]]), np.zeros((0, 4)))
    assert wanted.counted.all()
    assert not wanted.positive.any()


def test_the_loss_by_hand():
    rows = np.array([[0.0, 0, 0, 6], [20.0, 0, 0, 6], [4.0, 0, 0, 6]])
    wanted = targets_of(rows, np.array([[0.0, 0, 3.0, 6.0]]))  # anchor 2 lies in the lesion: not judged
    logits = torch.tensor([0.0, math.log(1 / 3), 50.0])  # scores 1/2, 1/4, 1
    balls = torch.tensor([[0.0, 0.0, 0.2, 0.0], [9.0, 9.0, 9.0, 9.0], [9.0, 9.0, 9.0, 9.0]])
    focal = 0.25 * 0.5**2 * math.log(2) + 0.75 * 0.25**2 * math.log(4 / 3)
    place = 0.5 * (3 / 6 - 0.2) ** 2
    assert float(detector_loss(logits, balls, wanted)) == pytest.approx(focal + place, rel=1e-5)


def test_the_overlap_of_balls_by_hand():
    ball = np.array([0.0, 0.0, 0.0, 2.0])
    others = np.array([[2.0, 0, 0, 2.0], [4.0, 0, 0, 2.0], [0.5, 0, 0, 1.0], [0, 0, 0, 2.0]])
    # centres one radius apart share 5/12 pi r^3 of 27/12 pi r^3; a ball of half the radius inside has an eighth
    assert ball_overlap(ball, others) == pytest.approx([5 / 27, 0.0, 1 / 8, 1.0])


def test_of_rivals_of_one_size_the_best_stays():
    # sizes are parted at sqrt(6 * 12) = 8.5 and sqrt(12 * 24) = 17 mm: the ball of 9 mm round the others is no rival
    found = np.array([[0.0, 0, 0, 5, 0.3], [1.0, 0, 0, 5, 0.9], [30.0, 0, 0, 5, 0.5], [1.0, 0, 0, 9, 0.7]])
    assert suppressed(found)[:, 4].tolist() == [0.9, 0.7, 0.5]
    assert suppressed(np.zeros((0, 5))).shape == (0, 5)


def test_a_ball_is_cut_into_discs_and_joined_again():
    planes = np.arange(0.0, 40.0, 4.0)
    lesion = np.array([[5.0, -3.0, 20.0, 9.0]])
    cuts = np.concatenate([detector_examples.discs(lesion, z) for z in planes])
    assert cuts[:, 2].tolist() == [12.0, 16.0, 20.0, 24.0, 28.0]
    assert cuts[0, 3] == pytest.approx(math.sqrt(9**2 - 8**2))
    other = [40.0, 0.0, 20.0, 6.0, 0.4]
    found = np.array([[*cut, score] for cut, score in zip(cuts, (0.2, 0.6, 0.8, 0.6, 0.2), strict=True)] + [other])
    balls = join_slices(found, 4.0)
    assert balls == pytest.approx(np.array([[5.0, -3.0, 20.0, 9.0, 0.8], other]))


def test_contrast_sees_a_blob_and_nothing_in_a_flat_crop():
    flat = torch.full((1, 3, 24, 96, 96), 0.5)
    assert contrast(flat, (4, 4, 2))[:, 3:].abs().max() == pytest.approx(0.0, abs=1e-5)
    blob = flat.clone()
    blob[..., 10:14, 44:52, 44:52] += 0.5
    seen = contrast(blob, (4, 4, 2))[0, 3]
    assert np.unravel_index(int(seen.argmax()), seen.shape)[1:] in {(11, 11), (11, 12), (12, 11), (12, 12)}


@pytest.mark.parametrize("mode", ["3d", "2.5d"])
def test_examples_show_implants_where_they_say(mode):
    shown = detector_examples.draw([made_study()], mode, np.random.default_rng(4))
    again = detector_examples.draw([made_study()], mode, np.random.default_rng(4))
    assert torch.equal(shown.image, again.image)
    assert len(shown.image) == len(shown.grids) == len(shown.lesions) == (1 if mode == "3d" else 4)
    assert sum(len(found) for found in shown.lesions) > 0
    for grid, found in zip(shown.grids, shown.lesions, strict=True):
        assert grid.contains(found[:, :3]).all()


def test_a_run_that_was_stopped_ends_with_the_same_weights(tmp_path):
    rows = torch.randn(6, 1, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    wanted = targets_of(anchors(crop_grid(np.zeros(3), (32, 32, 4)), "3d"), np.array([[12.0, 12, 4, 6.0]]))

    def run(folder, stop_after=None):
        torch.manual_seed(1)
        net = DetectorNet("3d", TINY)
        made = Run(net, lambda n: detector_loss(*(part[0] for part in net(rows[n % 6])), wanted), folder, settings)
        made.start()
        if stop_after is None:
            made.run(lambda *_: None)
            return made
        for _ in range(stop_after):
            made._step()
        made.save()
        return None

    settings = RunSettings(steps=4)
    whole = run(tmp_path / "whole")
    run(tmp_path / "stopped", 2)
    resumed = run(tmp_path / "stopped")
    assert resumed.losses == whole.losses
    for name, value in whole.average.items():
        assert torch.equal(value, resumed.average[name]), name
    settings = RunSettings(steps=5)
    with pytest.raises(FileFormatError, match="another run"):
        run(tmp_path / "whole")


def test_torn_and_foreign_weights_are_refused(tmp_path):
    torch.manual_seed(0)
    save_net(DetectorNet("2.5d", TINY), tmp_path, {"name": "tiny"})
    net, card = load_net(tmp_path, DetectorNet)
    assert net.mode == "2.5d"
    assert card["name"] == "tiny"
    with pytest.raises(WeightsError, match="of 'ball-detector/1', not of 'place-embedding/1'"):
        load_net(tmp_path, EmbeddingNet)
    path = tmp_path / "weights.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(WeightsError, match=f"torn or not the file that its card names: {len(whole) - 1} bytes"):
        load_net(tmp_path, DetectorNet)
    path.unlink()
    with pytest.raises(WeightsError, match="although there is a card"):
        load_net(tmp_path, DetectorNet)


def test_rows_without_weights_say_which_are_missing(tmp_path):
    torch.manual_seed(0)
    save_net(DetectorNet("3d", TINY), tmp_path / "detector-3d", {})
    rows = {peer.name: peer.lacking for peer in detector_peers(tmp_path)}
    lacking = {
        "3d": "weights/embedding-image-position",
        "2.5d": "weights/detector-2.5d and weights/embedding-image-position",
    }
    assert rows == {
        f"detector {mode} + embedding ({sees})": f"not trained: no weights in {lacking[mode]}"
        for mode in ("3d", "2.5d")
        for sees in ("image", "image, position")
    }


def test_a_crop_without_anything_has_no_candidate():
    net = DetectorNet("3d", TINY).eval()
    grid = crop_grid(np.zeros(3), (32, 32, 8))
    assert find_candidates(net, torch.full(grid.shape, -1000.0), grid).shape == (0, 5)


@pytest.mark.long
@pytest.mark.parametrize("name", ROWS)
def test_the_shipped_weights_find_a_bright_implant_beside_the_expected_place(name, monkeypatch):
    peer = next(peer for peer in detector_peers(WEIGHTS) if peer.name == name)
    if peer.find is None:
        pytest.skip(f"{name}: {peer.lacking}")
    center, moved = np.array([0.0, 6.0, 0.0]), np.array([12.0, 6.0, 0.0])
    before = made_pair.with_ball(made_pair.texture(), center, 8.0, 320.0)
    pair = made_pair.pair(before, made_pair.moved(before, moved - center))
    monkeypatch.setattr("lesion_tracker.tracking.registered.register", lambda b, f, method, cache: made_pair.identity())
    points, seconds = peer.find(pair, [Lesion("ball", (0.0, 6.0, 0.0), 8.0)])
    assert np.linalg.norm(points[0] - moved) < 10.0  # registration is 12 mm off
    assert seconds.further is None
    assert all(peer.decided_by.values())
