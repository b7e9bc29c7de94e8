"""Cut a volume along the body's planes through a point, as a radiologist looks at them, and choose the window."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lesion_tracker.arrays import PointMm
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.resample import resample
from lesion_tracker.volumes.volume import Volume

PlaneName = Literal["axial", "coronal", "sagittal"]


@dataclass(frozen=True)
class Plane:
    """How a plane lies on the screen.

    Args:
        name: axial, coronal or sagittal.
        right: LPS direction that points to the right edge of the picture.
        down: LPS direction that points to its lower edge.
        letters: what lies at the left, right, upper and lower edge (R, L, A, P, S, I of the patient).
    """

    name: PlaneName
    right: tuple[float, float, float]
    down: tuple[float, float, float]
    letters: tuple[str, str, str, str]

    def offset_mm(self, from_mm: PointMm, to_mm: PointMm) -> tuple[float, float]:
        """Return how far `to_mm` lies to the right of and below `from_mm` on the screen, mm."""
        difference = np.asarray(to_mm) - np.asarray(from_mm)
        return float(difference @ self.right), float(difference @ self.down)


PLANES = (
    Plane("axial", (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), ("R", "L", "A", "P")),
    Plane("coronal", (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), ("R", "L", "S", "I")),
    Plane("sagittal", (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), ("A", "P", "S", "I")),
)
"""The radiological convention: the patient's right is on the left, anterior is up (sagittal: left), the head is up."""


@dataclass(frozen=True)
class Window:
    """Which HU are shown: black at the lower end, white at the upper."""

    name: str
    center_hu: float
    width_hu: float

    def gray(self, hu: np.ndarray) -> np.ndarray:
        """Return uint8 gray values."""
        unit = (hu - self.center_hu) / self.width_hu + 0.5
        return np.asarray(np.clip(unit * 255, 0, 255), dtype=np.uint8)


LUNG = Window("lung window", -500.0, 1500.0)
SOFT_TISSUE = Window("soft-tissue window", 40.0, 400.0)
BONE = Window("bone window", 400.0, 1800.0)
LUNG_HU = (-970.0, -500.0)
"""Aerated lung; the air outside of the body is darker."""
LUNG_SHARE = 0.25
RIM_MM = 12.0
BEYOND_HU = -4000.0
"""Black in every window, and darker than air: nothing was scanned there."""


def cut(volume: Volume, plane: Plane, center_mm: PointMm, width_mm: float, pixels: int) -> np.ndarray:
    """Return a square cut, shape (pixels, pixels), HU; the point lies in its middle; black outside the volume.

    Args:
        volume: any orientation.
        plane: which cut.
        center_mm: LPS, mm.
        width_mm: of the square, mm.
        pixels: of the square; the middle of the picture is the edge between the two middle pixels if even.
    """
    step = width_mm / pixels
    matrix = np.eye(4)
    matrix[:3, 0] = np.array(plane.right) * step
    matrix[:3, 1] = np.array(plane.down) * step
    matrix[:3, 2] = np.cross(plane.right, plane.down) * step
    matrix[:3, 3] = center_mm - (matrix[:3, 0] + matrix[:3, 1]) * (pixels - 1) / 2
    return np.asarray(resample(volume, Grid((pixels, pixels, 1), matrix), BEYOND_HU).hu[0])


def window_for(volume: Volume, center_mm: PointMm, radius_mm: float) -> Window:
    """Choose the lung window where a quarter of the rim round the lesion (12 mm wide) is aerated, else soft tissue."""
    reach = radius_mm + RIM_MM
    step = max(2.0, reach / 16)
    count = 2 * int(reach / step) + 1
    origin = np.asarray(center_mm) - step * (count - 1) / 2
    cube = resample(volume, Grid.from_parts((count, count, count), np.full(3, step), origin, np.eye(3))).hu
    along = (np.arange(count) - (count - 1) / 2) * step
    distance = np.sqrt(along[:, None, None] ** 2 + along[None, :, None] ** 2 + along[None, None, :] ** 2)
    rim = cube[(distance > radius_mm) & (distance <= reach)]
    aerated = np.mean((rim > LUNG_HU[0]) & (rim < LUNG_HU[1])) if rim.size else 0.0
    return LUNG if aerated >= LUNG_SHARE else SOFT_TISSUE
