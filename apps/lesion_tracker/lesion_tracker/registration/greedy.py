"""picsl-greedy as this package uses it, inside a process of the pool: a dense warp between two images on one grid."""

import io
from typing import Any

import numpy as np

Images = dict[str, Any]
"""fixed, moving: float32 (z, y, x) on one grid; mask: uint8; spacing: mm; metric, iterations, smoothing, seed (of the
noise that greedy adds to the images; by the clock without one): options."""


def deform(job: Images) -> dict[str, np.ndarray]:
    """Return {"shift": float32 (z, y, x, 3), mm}: moving position minus fixed position."""
    import SimpleITK as sitk
    from picsl_greedy import Greedy3D

    def image(array: np.ndarray) -> Any:
        made = sitk.GetImageFromArray(np.ascontiguousarray(array))
        made.SetSpacing([float(job["spacing"])] * 3)
        return made

    greedy, console = Greedy3D(), io.StringIO()
    greedy.execute(
        f"-i fixed moving -gm mask -o warp -m {job['metric']} -n {job['iterations']} -s {job['smoothing']} "
        f"-wp 0.02 -seed {int(job['seed'])} -threads {int(job['threads'])} -V 0",
        out=console,
        err=console,
        fixed=image(job["fixed"]),
        moving=image(job["moving"]),
        mask=image(job["mask"]),
        warp=None,
    )
    return {"shift": sitk.GetArrayFromImage(greedy["warp"]).astype(np.float32)}
