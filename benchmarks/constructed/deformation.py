"""A smooth displacement field in closed form: slow waves and one breath, invertible by construction."""

from dataclasses import dataclass

import numpy as np

from lesion_tracker.arrays import PointMm, PointsMm

WAVES = 6
WAVELENGTHS_MM = (150.0, 300.0)
LIPSCHITZ_LIMIT = 0.6
"""Two points' displacements differ by at most this share of their distance, so that the field can be inverted."""
FIXED_POINT_STEPS = 80
"""0.6 ** 80 of any displacement is far below a micrometre."""
BREATH_WIDTH_MM = 70.0
BREATH_DIRECTION = np.array([0.0, -0.29, -0.957])
"""Breathing out is a push towards the head and the front as seen by the map back: down and back (LPS)."""


@dataclass(frozen=True, eq=False)
class SmoothField:
    """u(x) = sum of amplitude_k sin(wave_k · x + phase_k) + breath_mm · a Gaussian in z.

    Args:
        amplitudes_mm: shape (waves, 3), mm.
        waves_per_mm: shape (waves, 3), radians per mm.
        phases: shape (waves,), radians.
        breath_mm: the largest displacement of the breath, mm.
        breath_z_mm: LPS z where it is largest (the diaphragm), mm.
    """

    amplitudes_mm: np.ndarray
    waves_per_mm: np.ndarray
    phases: np.ndarray
    breath_mm: float = 0.0
    breath_z_mm: float = 0.0

    def __call__(self, points_mm: PointsMm) -> PointsMm:
        """Return the displacement (mm) at LPS points, shape (n, 3)."""
        waves = np.sin(points_mm @ self.waves_per_mm.T + self.phases) @ self.amplitudes_mm
        breath = np.exp(-0.5 * ((points_mm[:, 2] - self.breath_z_mm) / BREATH_WIDTH_MM) ** 2)
        return np.asarray(waves + self.breath_mm * breath[:, None] * BREATH_DIRECTION)

    @property
    def lipschitz(self) -> float:
        """An upper bound of |u(a) - u(b)| / |a - b|; below 1, x + u(x) is one to one."""
        waves = np.linalg.norm(self.amplitudes_mm, axis=1) * np.linalg.norm(self.waves_per_mm, axis=1)
        return float(waves.sum() + abs(self.breath_mm) * np.exp(-0.5) / BREATH_WIDTH_MM)

    def move(self, points_mm: PointsMm) -> PointsMm:
        """Return x + u(x)."""
        return np.asarray(points_mm + self(points_mm))

    def move_back(self, moved_mm: PointsMm) -> PointsMm:
        """Return the x with x + u(x) = `moved_mm`, by fixed-point iteration to less than 0.001 mm."""
        points_mm = np.array(moved_mm, dtype=np.float64)
        for _ in range(FIXED_POINT_STEPS):
            better = moved_mm - self(points_mm)
            done = np.abs(better - points_mm).max(initial=0.0) < 1e-6
            points_mm = better
            if done:
                break
        return points_mm


def random_field(
    amplitude_mm: float,
    breath_mm: float,
    low_mm: PointMm,
    high_mm: PointMm,
    rng: np.random.Generator,
) -> SmoothField:
    """Draw a field whose waves displace by at most `amplitude_mm` inside a box.

    Args:
        amplitude_mm: length of the largest displacement by the waves in the box, mm; 0 for none.
        breath_mm: largest displacement by the breath, mm; its middle lies at a third of the box's height.
        low_mm: lowest LPS corner of the box, mm.
        high_mm: highest LPS corner of the box, mm.
        rng: the only source of randomness.

    Returns:
        A field with `lipschitz` of at most 0.6; where the amplitude asks for it, the waves are longer than 300 mm.

    Raises:
        ValueError: for a negative amplitude, or a breath too large to be invertible (above 34 mm).
    """
    if amplitude_mm < 0:
        raise ValueError(f"deformation_mm must be at least 0, got {amplitude_mm}")
    directions = rng.normal(size=(WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves_per_mm = directions * (2 * np.pi / rng.uniform(*WAVELENGTHS_MM, size=(WAVES, 1)))
    amplitudes = rng.normal(size=(WAVES, 3))
    phases = rng.uniform(0, 2 * np.pi, size=WAVES)
    breath_z_mm = float(low_mm[2] + (high_mm[2] - low_mm[2]) / 3)
    breath = SmoothField(np.zeros((WAVES, 3)), waves_per_mm, phases, breath_mm, breath_z_mm)
    room = LIPSCHITZ_LIMIT - breath.lipschitz
    if room <= 0.3:
        raise ValueError(f"a breath of {breath_mm} mm would fold the body; at most 34 mm can be inverted")
    axes = [np.linspace(low, high, 16) for low, high in zip(low_mm, high_mm, strict=True)]
    probes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    while True:
        field = SmoothField(amplitudes, waves_per_mm, phases)
        scale = amplitude_mm / np.linalg.norm(field(probes), axis=1).max()
        if scale * field.lipschitz <= room:
            return SmoothField(amplitudes * scale, waves_per_mm, phases, breath_mm, breath_z_mm)
        waves_per_mm = waves_per_mm * 0.8
