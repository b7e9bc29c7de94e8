"""The network's input: crops, windows and signals where they belong, however the study is stored."""

from itertools import permutations, product

import numpy as np
import pytest
import torch

from lesion_tracker.network.inputs import hu_source, network_input, template_cell, windowed
from lesion_tracker.network.lattice import cell_grid, crop_grid, search_grid, template_grid
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

ORIENTATIONS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)
]  # the 48 ways in which the axes of an array may lie in a patient

LESION = np.array([-71.3, 12.9, 404.2])


def study() -> Volume:
    """A volume of 40 x 36 x 20 voxels of unequal spacing, with its own HU in each voxel."""
    random = np.random.default_rng(3)
    grid = Grid.from_parts((40, 36, 20), np.array([1.1, 0.9, 2.5]), np.array([-95.0, -4.0, 380.0]), np.eye(3))
    return Volume(random.integers(-1000, 1000, grid.shape).astype(np.int16), grid)


def stored_as(volume: Volume, order: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """Return the same voxels with array axes permuted and flipped; `order` and `signs` along (i, j, k)."""
    hu = volume.hu.transpose(2, 1, 0).transpose(order)  # now (i, j, k)
    first = np.array([0 if sign > 0 else volume.grid.size[axis] - 1 for axis, sign in zip(order, signs, strict=True)])
    corner = np.zeros(3)
    matrix = np.eye(4)
    for new, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        corner[axis] = first[new]
        matrix[:3, new] = sign * volume.grid.lps_from_index[:3, axis]
        hu = hu if sign > 0 else np.flip(hu, new)
    matrix[:3, 3] = volume.grid.lps_from_indices(corner[None])[0]
    return Volume(np.ascontiguousarray(hu.transpose(2, 1, 0)), Grid((hu.shape[0], hu.shape[1], hu.shape[2]), matrix))


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_the_same_study_stored_in_any_orientation_gives_the_same_crop(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    volume = study()
    grid = search_grid(LESION, (48, 48, 12))  # reaches beyond the study
    wanted = hu_source(volume)(grid)
    assert float(wanted.std()) > 100
    got = hu_source(stored_as(volume, order, signs))(grid)
    assert float((got - wanted).abs().max()) < 0.1  # HU; indices are float32


def test_a_crop_reads_the_study_where_it_lies() -> None:
    """On the study's own voxels nothing is interpolated."""
    hu = np.arange(8 * 6 * 4, dtype=np.float32).reshape(4, 6, 8)
    grid = Grid.from_parts((8, 6, 4), np.array([0.8, 0.8, 2.0]), np.array([5.0, 6.0, 7.0]), np.eye(3))
    crop = hu_source(Volume(hu, grid))(crop_grid(np.array([5 + 2 * 0.8, 6 + 0.8, 7 + 2.0]), (4, 3, 2)))
    assert torch.allclose(crop, torch.from_numpy(hu[1:3, 1:4, 2:6].copy()), atol=1e-3)


def test_beyond_the_study_is_air() -> None:
    source = hu_source(study())
    away = source(search_grid(np.array([500.0, 0.0, 0.0]), (32, 32, 4)))
    assert away.shape == (4, 32, 32)
    assert torch.equal(away, torch.full((4, 32, 32), -1024.0))
    below = source(crop_grid(np.array([-80.0, 5.0, 370.0]), (16, 16, 10)))  # 5 slices lie below the study
    assert torch.equal(below[:4], torch.full((4, 16, 16), -1024.0))
    assert bool((below[6:] > -1001).all())
    assert torch.equal(windowed(away), torch.full((1, 3, 4, 32, 32), -1.0))


def test_windows_map_their_ends_to_minus_1_and_1() -> None:
    hu = torch.tensor([-2000.0, -1024.0, -1000.0, -700.0, -400.0, -160.0, 40.0, 240.0, 238.0, 1500.0, 3000.0])
    image = windowed(hu[None, None])
    assert image.shape == (1, 3, 1, 1, 11)
    whole, soft, lung = image[0, :, 0, 0]
    assert whole[[0, 1, 8, 9, 10]].tolist() == pytest.approx([-1, -1, 0, 1, 1])
    assert soft[[0, 5, 6, 7, 10]].tolist() == pytest.approx([-1, -1, 0, 1, 1])
    assert lung[[1, 2, 3, 4, 10]].tolist() == pytest.approx([-1, -1, 0, 1, 1])


def test_crops_cells_and_signals_belong_together() -> None:
    source = hu_source(study())
    expected, radius = LESION + np.array([9.0, -14.0, 6.0]), 6.0
    search = search_grid(expected, (64, 48, 12))
    made = network_input(source, template_grid(LESION), [(LESION, 5.0)], source, search, [(expected, radius)], 4.0)
    assert made.template_image.shape == (1, 3, 24, 128, 128)
    assert made.search_image.shape == (1, 3, 12, 48, 64)
    assert made.template_signal.shape == (1, 1, 12, 32, 32)
    assert made.search_signal.shape == (1, 1, 6, 12, 16)
    assert made.cells == ((6, 16, 16),)
    assert float(made.template_signal[0, 0, 6, 16, 16]) == 1.0  # the lesion is exactly in the middle of its cell
    assert int(made.template_signal.argmax()) == (6 * 32 + 16) * 32 + 16
    i, j, k = np.round(cell_grid(search).indices_from_lps(expected[None])[0]).astype(int)
    assert int(made.search_signal.argmax()) == (k * 12 + j) * 16 + i
    cell_mm = cell_grid(search).lps_from_indices(np.array([[i, j, k]]))[0]
    wanted = np.exp(-((cell_mm - expected) ** 2).sum() / (2 * (4 * radius) ** 2))
    assert float(made.search_signal[0, 0, k, j, i]) == pytest.approx(wanted, rel=1e-5)


def test_lesions_without_their_place_are_refused() -> None:
    source, ball = hu_source(study()), (LESION, 5.0)
    template, search = template_grid(LESION), search_grid(LESION, (32, 32, 4))
    with pytest.raises(ValueError, match="1 lesions and 2 expected places"):
        network_input(source, template, [ball], source, search, [ball, ball], 4.0)
    with pytest.raises(ValueError, match="0 lesions and 0 expected places"):
        network_input(source, template, [], source, search, [], 4.0)
    with pytest.raises(ValueError, match="outside its template crop"):
        network_input(source, template, [(LESION + 60.0, 5.0)], source, search, [ball], 4.0)
    assert template_cell(template, LESION + np.array([3.2, -6.4, 4.0])) == (7, 14, 17)
