"""The sizes and variants of the network: what a model card stores and a checkpoint needs to be rebuilt."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

SPACING_MM = (0.8, 0.8, 2.0)
"""Input spacing along x, y, z, as in the paper."""

STRIDES = ((4, 4, 2), (8, 8, 2), (16, 16, 2))
"""Voxels per cell along x, y, z at the three scales of psi, as inferred from the released predictions."""

WINDOWS_HU = ((-1024.0, 1500.0), (-160.0, 240.0), (-1000.0, -400.0))
"""The input channels: everything, soft tissue, lung; each is mapped to [-1, 1]. The paper does not say its own."""

TEMPLATE_VOXELS = (128, 128, 24)
"""Template crop along x, y, z."""


@dataclass(frozen=True)
class NetworkConfig:
    """Every variant of the paper's Table 3 and 6 is one value of this record; a run's settings and a card hold it.

    Args:
        blocks: dense layers of the three blocks; DenseNet-121 has (6, 12, 24).
        growth: channels that a dense layer adds; DenseNet-121 has 32.
        stem: channels of the first convolution; DenseNet-121 has 64.
        bottleneck: width of a dense layer's 1x1x1 convolution in growths; DenseNet-121 has 4.
        features: channels of psi and phi; the paper has 64 and tries 32 and 128.
        global_kernel: size (z, y, x) in cells of K_g, or None for the variant without; the paper has (7, 11, 11).
        flattening: "learned" convolutions, or the "middle" slices of K_g.
        fusion: "multiply" psi and phi element by element, or "concatenate" their channels.
        anatomy: False for the variant without the anatomy signal encoder.
        heat_map_n: standard deviation of the anatomy signal in lesion radii.
        presence: whether the head that says "nothing here" is there; cards of before it have none.
        backbone: name of psi in `backbones.BACKBONES`; cards of before it had a name are of "dense_fpn".

    Raises:
        ValueError: for a size that is not positive, an even kernel, or an unknown variant.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - where it is read from settings, an unknown key is refused

    blocks: tuple[int, int, int] = (6, 12, 24)
    growth: int = 32
    stem: int = 64
    bottleneck: int = 4
    features: int = 64
    global_kernel: tuple[int, int, int] | None = (7, 11, 11)
    flattening: Literal["learned", "middle"] = "learned"
    fusion: Literal["multiply", "concatenate"] = "multiply"
    anatomy: bool = True
    heat_map_n: float = 4.0
    presence: bool = False
    backbone: str = "dense_fpn"

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if self.global_kernel is not None:
            object.__setattr__(self, "global_kernel", tuple(self.global_kernel))
            if len(self.global_kernel) != 3 or any(k < 3 or k % 2 == 0 for k in self.global_kernel):
                raise ValueError(f"global_kernel needs three odd sizes of at least 3 cells, got {self.global_kernel}")
        sizes = (*self.blocks, self.growth, self.stem, self.bottleneck, self.features)
        if len(self.blocks) != 3 or not all(isinstance(n, int) and n >= 1 for n in sizes) or self.heat_map_n <= 0:
            raise ValueError(f"network sizes must be positive and there are three blocks, got {self}")
        if self.flattening not in ("learned", "middle") or self.fusion not in ("multiply", "concatenate"):
            raise ValueError(f"unknown variant: flattening {self.flattening!r}, fusion {self.fusion!r}")

    @property
    def fused(self) -> int:
        """Channels after fusing psi and phi."""
        return 2 * self.features if self.fusion == "concatenate" and self.anatomy else self.features

    def to_json(self) -> dict[str, Any]:
        """Return the sizes as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "NetworkConfig":
        """Read what `to_json` wrote.

        Raises:
            ValueError: for an unknown key or a value that cannot be built.
        """
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"not a network configuration: {error}") from None
