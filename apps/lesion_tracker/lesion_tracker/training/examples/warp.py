"""The deformations of training: pose, smooth elastic bending, regions that move by themselves, lesions that grow."""

from dataclasses import dataclass, field

import numpy as np

from lesion_tracker.arrays import Affine, PointMm, PointsMm


@dataclass(frozen=True)
class Bump:
    """A region displaced by itself: the follow-up reads the baseline at x + shift exp(-|x - center|^2 / 2 width^2).

    Args:
        center_mm: in the follow-up, LPS.
        shift_mm: added to the position read; the region's content moves by about -shift_mm.
        width_mm: standard deviation of the region.
    """

    center_mm: PointMm
    shift_mm: PointMm
    width_mm: float


@dataclass(frozen=True)
class Swelling:
    """A lesion that grows by `factor` round a centre that stays where it is (in the follow-up, LPS mm)."""

    center_mm: PointMm
    radius_mm: float
    factor: float


@dataclass(frozen=True, eq=False)
class Warp:
    """A map from follow-up to baseline positions, LPS mm: swelling first, then bumps, then the affine.

    Args:
        baseline_from_followup: 4x4 affine.
        bumps: smooth displacements, added up.
        swellings: local growth.
    """

    baseline_from_followup: Affine
    bumps: tuple[Bump, ...] = field(default=())
    swellings: tuple[Swelling, ...] = field(default=())

    @property
    def scale(self) -> float:
        """How much larger than the baseline the follow-up shows things, by the affine alone."""
        return float(np.linalg.det(self.baseline_from_followup[:3, :3]) ** (-1 / 3))

    def __call__(self, followup_mm: PointsMm) -> PointsMm:
        """Take follow-up points, shape (n, 3), to baseline points."""
        points = np.asarray(followup_mm, dtype=np.float64)
        moved = points.copy()
        for swelling in self.swellings:
            offset = points - swelling.center_mm
            near = np.exp(
                -np.einsum("ij,ij->i", offset, offset) / (2 * (1.2 * swelling.radius_mm * swelling.factor) ** 2)
            )
            moved += (1 / swelling.factor - 1) * near[:, None] * offset
        if self.bumps:
            moved += self._displacement(points)
        return np.asarray(moved @ self.baseline_from_followup[:3, :3].T + self.baseline_from_followup[:3, 3])

    def _displacement(self, points: PointsMm) -> PointsMm:
        centers = np.array([bump.center_mm for bump in self.bumps])
        widths = np.array([bump.width_mm for bump in self.bumps])
        square = ((points[:, None, :] - centers) ** 2).sum(axis=2)
        return np.asarray(np.exp(-square / (2 * widths**2)) @ np.array([bump.shift_mm for bump in self.bumps]))

    def inverse(self, baseline_mm: PointsMm, tolerance_mm: float = 1e-3, iterations: int = 60) -> PointsMm:
        """Take baseline points, shape (n, 3), to follow-up points, by Newton's method with numerical slopes.

        Raises:
            ValueError: if the map cannot be inverted there; draw another one.
        """
        wanted = np.asarray(baseline_mm, dtype=np.float64)
        followup_from_baseline = np.linalg.inv(self.baseline_from_followup)
        points = wanted @ followup_from_baseline[:3, :3].T + followup_from_baseline[:3, 3]
        for _ in range(iterations):
            error = wanted - self(points)
            if np.abs(error).max() < tolerance_mm:
                return np.asarray(points)
            step = np.linalg.solve(self._slopes(points), error[..., None])[..., 0]
            length = np.linalg.norm(step, axis=1, keepdims=True)
            points = points + step * np.minimum(1.0, 10.0 / np.maximum(length, 1e-9))
        raise ValueError(f"the warp cannot be inverted: {np.abs(error).max():.3g} mm left after {iterations} steps")

    def volume_change(self, points: PointsMm) -> np.ndarray:
        """Return the determinant of the map's slopes at follow-up points (n, 3), shape (n,): not positive where it folds."""
        return np.asarray(np.linalg.det(self._slopes(np.asarray(points, dtype=np.float64))))

    def _slopes(self, points: PointsMm, delta_mm: float = 1e-3) -> np.ndarray:
        columns = [(self(points + delta) - self(points - delta)) / (2 * delta_mm) for delta in np.eye(3) * delta_mm]
        return np.stack(columns, axis=2)


def rotation_matrix(angles_deg: PointMm) -> np.ndarray:
    """Return the 3x3 rotation by angles about the x, y and z axes, in this order."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.deg2rad(angles_deg)), np.sin(np.deg2rad(angles_deg))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def pose(center_mm: PointMm, angles_deg: PointMm, scale: float) -> Affine:
    """Return the affine that rotates and scales follow-up positions about `center_mm`, giving baseline positions.

    Args:
        center_mm: LPS; it stays where it is.
        angles_deg: about the x, y and z axes, in this order.
        scale: how much larger the follow-up shows things.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(angles_deg) / scale
    matrix[:3, 3] = np.asarray(center_mm) - matrix[:3, :3] @ np.asarray(center_mm)
    return matrix


def random_bumps(
    rng: np.random.Generator, center_mm: PointMm, reach_mm: float, amplitude_mm: float
) -> tuple[Bump, ...]:
    """Draw a smooth elastic field: bumps of 20 to 70 mm round a place, whose steepness stays invertible.

    Args:
        rng: the only source of randomness.
        center_mm: LPS of the follow-up.
        reach_mm: how far from it along each axis the bumps may lie.
        amplitude_mm: largest shift of one bump.
    """
    bumps = []
    for _ in range(int(rng.integers(4, 11))):
        width = float(rng.uniform(20, 70))
        shift = rng.normal(size=3)
        shift *= min(rng.uniform(0, amplitude_mm), 0.5 * width) / np.linalg.norm(shift)
        bumps.append(Bump(center_mm + rng.uniform(-reach_mm, reach_mm, 3), shift, width))
    return tuple(bumps)


def moving_region(rng: np.random.Generator, center_mm: PointMm, least_mm: float, most_mm: float) -> Bump:
    """Draw a region that moved against its surroundings.

    Args:
        rng: the only source of randomness.
        center_mm: its middle, LPS of the follow-up.
        least_mm: shortest motion.
        most_mm: longest motion.
    """
    length = rng.uniform(least_mm, most_mm)
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    return Bump(np.asarray(center_mm), direction * length, float(rng.uniform(0.75, 1.6) * length))
