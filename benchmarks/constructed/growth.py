"""A lesion that grows or shrinks about its exact centre, while tissue further out stays where it is."""

from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointsMm, point_mm

FIXED_POINT_STEPS = 60


@dataclass(frozen=True)
class Growth:
    """A radial expansion: the ball of `radius_mm` becomes a ball of `factor` · `radius_mm` with the same centre.

    Beyond twice (for strong changes: factor³ times) the new radius nothing moves.

    Args:
        center_mm: LPS, mm, in the baseline.
        radius_mm: of the lesion in the baseline, mm.
        factor: new radius over old radius; 1.25 grows the lesion by 25 %.

    Raises:
        ValueError: for a radius that is not positive or a factor outside [0.25, 4].
    """

    center_mm: tuple[float, float, float]
    radius_mm: float
    factor: float

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        x, y, z = (float(v) for v in point_mm(self.center_mm))
        object.__setattr__(self, "center_mm", (x, y, z))
        if not self.radius_mm > 0:
            raise ValueError(f"radius_mm must be positive, got {self.radius_mm}")
        if not 0.25 <= self.factor <= 4:
            raise ValueError(f"factor must lie between 0.25 and 4, got {self.factor}")

    @property
    def inner_mm(self) -> float:
        """Up to this distance from the centre the grown image is the old one, scaled by `factor`."""
        return self.factor * self.radius_mm

    @property
    def outer_mm(self) -> float:
        """From this distance on nothing moves."""
        return self.inner_mm * max(2.0, max(self.factor, 1 / self.factor) ** 3)

    def _weight(self, log_distance: np.ndarray) -> np.ndarray:
        ramp = (log_distance - np.log(self.inner_mm)) / np.log(self.outer_mm / self.inner_mm)
        t = np.clip(ramp, 0.0, 1.0)
        return np.asarray(1.0 - t * t * (3.0 - 2.0 * t))

    def shrink(self, grown_mm: PointsMm) -> PointsMm:
        """Take points of the grown lesion back to the lesion as it was, shape (n, 3); exact."""
        offset, distance = self._polar(grown_mm)
        share = self.factor ** -self._weight(np.log(distance))
        return np.asarray(self.center_mm + offset * share[:, None])

    def grow(self, points_mm: PointsMm) -> PointsMm:
        """Take points of the lesion as it was to the grown one, shape (n, 3); the inverse of `shrink`."""
        offset, distance = self._polar(points_mm)
        old = np.log(distance)
        new = old
        for _ in range(FIXED_POINT_STEPS):  # a contraction by at most one half: outer_mm is chosen so
            new = old + np.log(self.factor) * self._weight(new)
        return np.asarray(self.center_mm + offset * np.exp(new - old)[:, None])

    def _polar(self, points_mm: PointsMm) -> tuple[np.ndarray, np.ndarray]:
        offset = points_mm - np.array(self.center_mm)
        return offset, np.maximum(np.linalg.norm(offset, axis=1), 1e-9)
