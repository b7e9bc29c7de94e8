"""The fast correlation equals its definition, forward and backward; flattening saves what the paper says."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.correlation import (
    TemplateKernelMaker,
    TemplateKernels,
    _TapSum,
    correlate,
    correlate_by_definition,
    crop_kernel,
    fold,
)

CELLS = (5, 9, 12)


def some_kernels(lesions: int, channels: int, seed: int = 0) -> TemplateKernels:
    random = torch.Generator().manual_seed(seed)
    sizes = ((3, 3, 3), (1, 5, 7), (3, 1, 7), (3, 5, 1))
    return TemplateKernels(tuple(torch.randn(lesions, channels, *size, generator=random) for size in sizes))


def one_of(kernels: TemplateKernels, number: int) -> TemplateKernels:
    return TemplateKernels(tuple(part[number : number + 1] for part in kernels.parts))


@pytest.mark.parametrize(("lesions", "channels"), [(1, 1), (1, 6), (3, 4), (4, 16)])
def test_folded_and_fast_is_w_times_the_definition(lesions: int, channels: int) -> None:
    """Each lesion has its own kernels and its own S."""
    kernels = some_kernels(lesions, channels)
    search, weight = torch.randn(lesions, channels, *CELLS), torch.randn(channels)
    fast = correlate(fold(kernels, weight), search)
    assert fast.shape == (lesions, 1, *CELLS)
    for number in range(lesions):
        unfolded = correlate_by_definition(one_of(kernels, number), search[number : number + 1])
        slow = (unfolded * weight.view(1, -1, 1, 1, 1)).sum(1)
        assert float((fast[number] - slow).abs().max() / slow.abs().max()) < 1e-4


def test_kernels_may_be_more_than_twice_as_long_as_the_search() -> None:
    """K_g (7, 11, 11) at the coarsest scale of a search of 64 voxels, which has 4 cells there."""
    random = torch.Generator().manual_seed(8)
    kernels = TemplateKernels((torch.randn(1, 3, 7, 1, 11, generator=random),))
    search = torch.randn(1, 3, 2, 4, 4, generator=random)
    slow = correlate_by_definition(kernels, search).sum(1)
    assert torch.allclose(correlate(fold(kernels, torch.ones(3)), search)[0], slow, rtol=1e-4, atol=1e-6)


def test_folding_equals_one_grouped_convolution() -> None:
    """L lesions are a convolution of L groups 64 -> 1, as the folding of W promises."""
    kernels, search = fold(some_kernels(3, 4), torch.randn(4)), torch.randn(3, 4, *CELLS)
    grouped = torch.zeros(1, 3, *CELLS)
    for part in kernels.parts:
        padding = tuple(n // 2 for n in part.shape[2:])
        grouped = grouped + F.conv3d(search.flatten(0, 1)[None], part, padding=padding, groups=3)
    assert torch.allclose(correlate(kernels, search)[:, 0], grouped[0], rtol=1e-4, atol=1e-5)


def test_gradients_equal_those_of_the_definition() -> None:
    kernels, weight, search = some_kernels(2, 3), torch.randn(3), torch.randn(2, 3, *CELLS)
    wish = torch.randn(2, 1, *CELLS)
    found = []
    for fast in (True, False):
        parts = [part.clone().requires_grad_() for part in kernels.parts]
        scale, image = weight.clone().requires_grad_(), search.clone().requires_grad_()
        own = TemplateKernels(tuple(parts))
        if fast:
            answer = correlate(fold(own, scale), image)
        else:
            maps = [correlate_by_definition(one_of(own, n), image[n : n + 1]) for n in range(2)]
            answer = (torch.cat(maps) * scale.view(1, -1, 1, 1, 1)).sum(1, keepdim=True)
        (answer * wish).sum().backward()
        found.append([*(part.grad for part in parts), scale.grad, image.grad])
    for one, other in zip(*found, strict=True):
        assert float((one - other).abs().max() / other.abs().max()) < 1e-4


@pytest.mark.parametrize("taps", [(3, 3, 3), (1, 5, 3), (3, 1, 1), (9, 3, 3)])
def test_the_gradient_of_the_sum_of_taps_is_right(taps: tuple[int, int, int]) -> None:
    """Also for a kernel of more than twice the search, 9 on 3 slices."""
    random = torch.Generator().manual_seed(2)
    kernel = torch.randn(2, 3, *taps, generator=random, dtype=torch.float64, requires_grad=True)
    search = torch.randn(2, 3, 3, 4, 5, generator=random, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(_TapSum.apply, (kernel, search), fast_mode=True)


def test_short_numbers_are_summed_in_float32() -> None:
    kernels, search = some_kernels(1, 4), torch.randn(1, 4, *CELLS)
    folded = fold(kernels, torch.ones(4))
    short = correlate(folded, search.bfloat16())
    assert short.dtype == torch.float32
    exact = correlate(folded, search)
    assert float((short - exact).abs().max() / exact.abs().max()) < 0.02  # bfloat16 has 8 bits


def test_a_kernel_finds_where_it_was_cut_out() -> None:
    features = torch.randn(1, 8, 9, 16, 16, generator=torch.Generator().manual_seed(4))
    cell = (5, 11, 3)
    kernel = TemplateKernels((crop_kernel(features, cell, (3, 5, 5)),))
    answer = correlate(fold(kernel, torch.ones(8)), features)[0, 0]
    assert answer.argmax() == (cell[0] * 16 + cell[1]) * 16 + cell[2]


def test_beyond_a_template_is_zero() -> None:
    features = torch.arange(1.0, 28.0).view(1, 1, 3, 3, 3)
    corner = crop_kernel(features, (0, 0, 2), (3, 3, 3))
    assert corner.shape == (1, 1, 3, 3, 3)
    assert torch.equal(corner[0, 0, 1:, 1:, :2], features[0, 0, :2, :2, 1:])
    assert corner[0, 0, 0].abs().sum() == corner[0, 0, :, 0].abs().sum() == corner[0, 0, :, :, 2].abs().sum() == 0
    whole = crop_kernel(features, (1, 1, 1), (3, 3, 3))
    assert torch.equal(whole, features)
    large = crop_kernel(features, (1, 1, 1), (7, 11, 11))
    assert torch.equal(large[..., 2:5, 4:7, 4:7], features)
    assert large.sum() == features.sum()


def test_flattening_starts_as_the_mean_along_an_axis() -> None:
    torch.manual_seed(0)
    maker = TemplateKernelMaker(NetworkConfig(features=16, global_kernel=(3, 5, 7)))
    features = torch.ones(1, 16, 9, 9, 9)
    parts = maker(features, (4, 4, 4)).parts
    assert [tuple(part.shape[2:]) for part in parts] == [(3, 3, 3), (1, 5, 7), (3, 1, 7), (3, 5, 1)]
    assert all(float((part - 1).detach().abs().max()) < 0.1 for part in parts[1:])


def multiply_adds(kernels: TemplateKernels, search: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        correlate_by_definition(kernels, search)
    return counter.get_total_flops() // 2


def test_flattening_saves_over_65_percent_of_the_multiply_adds() -> None:
    """Counted in the convolutions themselves; the paper: "over 65 %"."""
    search = torch.randn(1, 8, 3, 4, 4)
    kernel, whole = torch.randn(1, 8, 3, 3, 3), torch.randn(1, 8, 7, 11, 11)
    flat = [torch.randn(1, 8, *size) for size in ((1, 11, 11), (7, 1, 11), (7, 11, 1))]
    full = multiply_adds(TemplateKernels((kernel, whole)), search)
    flattened = multiply_adds(TemplateKernels((kernel, *flat)), search)
    assert full == 8 * 3 * 4 * 4 * (27 + 847)
    assert 0.65 < 1 - flattened / full < 0.66
    with FlopCounterMode(display=False) as counter:
        correlate(TemplateKernels((kernel, *flat)), search)
    assert counter.get_total_flops() // 2 == flattened  # the fast path saves memory traffic, not products
