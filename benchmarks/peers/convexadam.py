"""convexAdam (PyPI, Apache-2.0): a dense discrete search made smooth, then gradient descent, on MIND descriptors.

Source: H. Siebert, L. Hansen, M. Heinrich, Learn2Reg 2021. It is not among this project's requirements (its own name torch
again): `pip install --no-deps convexAdam==0.2.0`.
"""

import importlib.util
import warnings
from importlib import metadata

import numpy as np
import torch

from benchmarks.peers.on_grid import aligned, as_map
from benchmarks.peers.peer import Peer, PointMap, by_map
from lesion_tracker.tracking.pair import Pair

SPACING_MM = 3.0
MOST_VOXELS = 1.5e6
"""As many as a chest has at 3 mm, the voxels of the app's own deformable method."""


def convexadam_peer() -> Peer:
    """Return the row."""
    name, note = "convexadam", "convexAdam with its own defaults on 3 mm voxels, after the app's affine"
    if importlib.util.find_spec("convexAdam") is None:
        return Peer(name, note, None, "not installed: `pip install --no-deps convexAdam==0.2.0`")
    return Peer(name, note, by_map(convexadam_map), decided_by={"convexAdam": metadata.version("convexAdam")})


def convexadam_map(pair: Pair) -> PointMap:
    """Register a pair.

    Raises:
        RegistrationFailed: if the affine fails.
    """
    affine, part = aligned(pair, SPACING_MM, MOST_VOXELS)
    voxels = displacement(part.fixed.image.hu, part.moved.image.hu)
    return as_map(affine, part, voxels[..., ::-1] * part.fixed.image.spacing_mm)


def displacement(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Return (z, y, x, 3): the place in `moving` minus that in `fixed`, in voxels along z, y, x."""
    with warnings.catch_warnings():  # the package silences all warnings of the process when it is imported
        from convexAdam.convex_adam_MIND import convex_adam_pt

        warnings.simplefilter("ignore")
        arrays = [torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32)) for image in (fixed, moving)]
        return np.asarray(convex_adam_pt(*arrays, dtype=torch.float32, device=torch.device("cpu")))
