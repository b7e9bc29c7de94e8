"""What an example may look like: its crops, how many lesions, and what changes between the scans."""

from dataclasses import replace
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from lesion_tracker.network.config import STRIDES

Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Voxels = tuple[int, int, int]
"""Along x, y, z."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ScenarioSettings:
    """What a pair may look like; the section `scenario` of a run's file.

    Args:
        template_voxels: template crop along x, y, z; multiples of (16, 16, 2), at least two.
        search_voxels: search crops along x, y, z, the same; one is drawn for each pair.
        lesions: at most so many a pair.
        implant: share of pairs whose first lesion is implanted.
        moving: share of pairs whose region moved against its surroundings.
        vanished: share of implants and outlined lesions that are gone in the follow-up.
        elastic_mm: largest amplitude of one elastic bump.
        rotation_deg: largest rotation.
        scale: largest scale; the smallest is its inverse.
        coverage: share of follow-ups that end 10 to 40 mm above or below the first lesion's surface.
        table: share of follow-ups with a table under the body.
        outside: share of follow-ups that end before the first lesion; further lesions beyond the end of any coverage are
            then examples of absent ones, too.
        outlined: share of pairs of a study with outlines whose first lesion is one of these; it grows, shrinks or vanishes
            as implants do.
        field: share of scans whose field of view cuts the body.
        thick: share of scans with slices of 8 or 10 mm.
        phases: share of scans of another contrast phase, in which vessels and tissue differ more than otherwise.

    Raises:
        ValueError: for a share beyond [0, 1], a negative size, or a crop that does not consist of whole blocks.
    """

    template_voxels: Voxels = (144, 144, 28)
    search_voxels: tuple[Voxels, ...] = ((144, 144, 40), (160, 160, 32), (128, 128, 56), (144, 144, 48))
    lesions: Annotated[int, Field(ge=1)] = 5
    implant: Share = 0.45
    moving: Share = 0.35
    vanished: Share = 0.08
    elastic_mm: NotNegative = 9.0
    rotation_deg: NotNegative = 10.0
    scale: Annotated[float, Field(ge=1)] = 1.2
    coverage: Share = 0.0
    table: Share = 0.0
    outside: Share = 0.0
    outlined: Share = 0.0
    field: Share = 0.0
    thick: Share = 0.0
    phases: Share = 0.0

    @property
    def all_there(self) -> "ScenarioSettings":
        """The same without lesions that are absent from the follow-up."""
        return replace(self, vanished=0.0, outside=0.0)

    def __post_init__(self) -> None:
        """Refuse crops that the network cannot read."""
        if not self.search_voxels:
            raise ValueError("search_voxels is empty: at least one search crop is needed")
        for size in (self.template_voxels, *self.search_voxels):
            if any(n < 2 * block or n % block for n, block in zip(size, STRIDES[2], strict=True)):
                raise ValueError(
                    f"a crop must be a multiple of {STRIDES[2]} voxels (x, y, z), at least two; got {size}"
                )
