"""ImageNet weights of a 2D DenseNet-121 made three-dimensional: the start of training."""

import pickle
import re
from pathlib import Path

import torch
from torch import nn

from lesion_tracker.errors import WeightsError
from lesion_tracker.network.dense_fpn import DenseFPN, DenseLayer, Transition
from lesion_tracker.network.normalization import FrozenNorm

_OLD_NAME = re.compile(r"(denselayer\d+)\.(norm|conv)\.([12])\.")
"""torchvision's first files say `denselayer1.norm.1.weight` for `denselayer1.norm1.weight`."""


def inflate_densenet(path: Path, network: DenseFPN) -> None:
    """Fill the DenseNet inside `network` with the weights of torchvision's 2D DenseNet-121.

    Each 2D kernel is repeated along z and divided by its depth, so that an image that is constant along z has the
    features of its slice. Running statistics become the stored statistics. The laterals of the pyramid have no 2D
    counterpart and stay as they are; the norm before the lateral of a block is that of the transition after it.
    ImageNet's three colours become the three intensity windows: their statistics differ, so the norms are worth
    calibrating afterwards (`normalization.set_calibrating`).

    Args:
        path: a state dict as torch.save writes it ("features.conv0.weight", …); what follows block 3 is not used.
        network: of blocks (6, 12, 24), growth 32, stem 64 for DenseNet-121; changed in place, or not at all.

    Raises:
        WeightsError: if the file is no state dict, or lacks a tensor, or has one of another shape.

    Source: section 3.1 of Cai et al., Deep Lesion Tracker, CVPR 2021; Carreira and Zisserman, Quo Vadis, CVPR 2017.
    """
    state = _read(path)
    ready = [(target, _inflated(state, name, target, path)) for name, target in _pairs(network)]
    with torch.no_grad():
        for target, values in ready:
            target.copy_(values)


def inflate_kernel(kernel: torch.Tensor, depth: int) -> torch.Tensor:
    """Return a 2D kernel (out, in, y, x) repeated `depth` times along z and divided by it: (out, in, depth, y, x)."""
    return kernel[:, :, None].repeat(1, 1, depth, 1, 1) / depth


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsError(f"there are no ImageNet weights at {path}") from None
    except (OSError, RuntimeError, EOFError, LookupError, ValueError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} is no file of weights: {first}") from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsError(f"{path} holds no state dict of tensors by name")
    return {_OLD_NAME.sub(r"\1.\2\3.", key): value for key, value in state.items()}


def _inflated(state: dict[str, torch.Tensor], name: str, target: torch.Tensor, path: Path) -> torch.Tensor:
    if name not in state:
        raise WeightsError(f"{path} lacks {name!r}: it is not a DenseNet with blocks as long as this network's")
    values = state[name].float()
    if target.ndim == 5 and values.ndim == 4:
        values = inflate_kernel(values, target.shape[2])
    if values.shape != target.shape:
        raise WeightsError(
            f"{name!r} of {path} has shape {tuple(state[name].shape)}; this network needs {tuple(target.shape)} "
            "after inflation: DenseNet-121 has blocks (6, 12, 24), growth 32, stem 64"
        )
    return values


def _pairs(network: DenseFPN) -> list[tuple[str, torch.Tensor]]:
    """Return torchvision's name and our tensor for everything that is inflated."""
    pairs = [_kernel("features.conv0", network.conv0), *_norm("features.norm0", network.norm0)]
    for number, block in enumerate(network.blocks, start=1):
        for position, layer in enumerate(block.children(), start=1):
            pairs += _dense_layer(f"features.denseblock{number}.denselayer{position}", layer)
        pairs += _norm(f"features.transition{number}.norm", network.norms[number - 1])
    for number, transition in enumerate(network.transitions, start=1):
        pairs += _transition(f"features.transition{number}", transition)
    return pairs


def _dense_layer(name: str, layer: nn.Module) -> list[tuple[str, torch.Tensor]]:
    if not isinstance(layer, DenseLayer):
        raise TypeError(f"a dense block holds dense layers, not {type(layer).__name__}")
    norms = [*_norm(f"{name}.norm1", layer.norm1), *_norm(f"{name}.norm2", layer.norm2)]
    return [*norms, _kernel(f"{name}.conv1", layer.conv1), _kernel(f"{name}.conv2", layer.conv2)]


def _transition(name: str, transition: nn.Module) -> list[tuple[str, torch.Tensor]]:
    if not isinstance(transition, Transition):
        raise TypeError(f"between two blocks is a transition, not {type(transition).__name__}")
    return [*_norm(f"{name}.norm", transition.norm), _kernel(f"{name}.conv", transition.conv)]


def _kernel(name: str, layer: nn.Conv3d) -> tuple[str, torch.Tensor]:
    return f"{name}.weight", layer.weight


def _norm(name: str, norm: nn.Module) -> list[tuple[str, torch.Tensor]]:
    if not isinstance(norm, FrozenNorm):
        raise TypeError(f"{name} is a {type(norm).__name__}, not a FrozenNorm")
    return [
        (f"{name}.weight", norm.weight),
        (f"{name}.bias", norm.bias),
        (f"{name}.running_mean", norm.mean),
        (f"{name}.running_var", norm.variance),
    ]
