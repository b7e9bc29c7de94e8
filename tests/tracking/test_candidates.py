"""Candidates: registration's point stays, what moved against its surroundings is found, the same place is one candidate."""

import numpy as np
import torch

from lesion_tracker.network.anatomy_signal import anatomy_signal
from lesion_tracker.network.lattice import cell_grid, search_grid
from lesion_tracker.tracking.candidates import local_linear, propose
from lesion_tracker.tracking.evidence import gather
from lesion_tracker.tracking.search import answer_from_map
from tests.tracking.made_pair import case, identity, moved, pair, texture

CENTER = np.array([0.0, 0.0, 0.0])
SHIFT = np.array([16.0, -12.0, 8.0])


def _answer(peak_mm: np.ndarray):
    grid = search_grid(CENTER, (96, 96, 40))
    logits: torch.Tensor = anatomy_signal(cell_grid(grid), peak_mm, 5.0, 1.0) * 10.0 - 6.0
    return answer_from_map(logits, grid, 6.0)


def test_a_moved_lesion_is_found_by_its_surroundings_and_moved_to_where_they_fit() -> None:
    before = texture()
    made = pair(before, moved(before, SHIFT))
    answer = _answer(SHIFT + np.array([3.0, -2.0, 2.0]))
    found = propose(case(made, CENTER, 6.0), answer)
    assert found[0].sources == ("registration",)
    np.testing.assert_array_equal(found[0].center_mm, CENTER)
    assert found[1].sources == ("network", "alignment")
    assert np.linalg.norm(found[1].center_mm - SHIFT) < 0.6
    assert found[1].similarity > 0.9 > found[0].similarity

    evidence = gather(case(made, CENTER, 6.0), found, answer)
    assert [one.registered for one in evidence] == [1.0] + [0.0] * (len(found) - 1)
    assert evidence[1].lead > 0.2 > evidence[0].lead
    assert evidence[1].logit > 3 > evidence[0].logit
    assert evidence[1].apart_mm > 20
    assert evidence[0].strain < 1e-9
    assert evidence[0].shifted_mm < 1e-9


def test_without_a_network_the_surroundings_alone_propose() -> None:
    before = texture()
    made = pair(before, moved(before, SHIFT))
    found = propose(case(made, CENTER, 6.0), None)
    assert {source for one in found[1:] for source in one.sources} == {"alignment"}
    assert min(np.linalg.norm(one.center_mm - SHIFT) for one in found) < 0.6


def test_where_nothing_is_alike_the_network_s_peak_stays_where_it_is() -> None:
    made = pair(texture(0), np.full_like(texture(0), -1000.0))
    answer = _answer(np.array([20.0, 4.0, -6.0]))
    found = propose(case(made, CENTER, 6.0), answer)
    network = next(one for one in found if one.sources[0] == "network")
    np.testing.assert_array_equal(network.center_mm, answer.scores.peaks(1, 10.0)[0].center_mm)


def test_the_local_map_of_an_affine_is_its_linear_part() -> None:
    np.testing.assert_allclose(local_linear(identity(), np.array([3.0, 2.0, 1.0])), np.eye(3), atol=1e-12)
