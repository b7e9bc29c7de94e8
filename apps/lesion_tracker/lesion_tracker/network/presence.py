"""The head that says "nothing here": whether the search shows the lesion at all, from the map and what lies at its top."""

import torch
from torch import nn
from torch.nn import functional as F

from lesion_tracker.network.config import STRIDES

MAP_FIGURES = 3
HIDDEN = 32
FIGURE_SCALE = 0.1
"""Logits of a map are about -15 to 5; so scaled they are of the size of normalised features."""


class PresenceHead(nn.Module):
    """Compares psi round the lesion with psi where the score map puts it, at three scales.

    The map itself is read as it is (no gradient flows into it): the place is learned from the place alone.

    Args:
        features: channels of psi.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(3 * len(STRIDES) * features + MAP_FIGURES, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1)

    def forward(self, centers: list[torch.Tensor], images: list[torch.Tensor], logits: torch.Tensor) -> torch.Tensor:
        """Return the logit of "it is there", (L,), float32.

        Args:
            centers: psi of the template round each of L lesions, at three scales, (L, features).
            images: psi of the search at three scales, (1 or L, features, z, y, x).
            logits: of the score map, (L, cells z, y, x).
        """
        with torch.autocast(logits.device.type, enabled=False):
            return self._in_float32(centers, images, logits.detach().float())

    def _in_float32(self, centers: list[torch.Tensor], images: list[torch.Tensor], map_: torch.Tensor) -> torch.Tensor:
        share = torch.softmax(map_.flatten(1), 1).view_as(map_)
        parts = [FIGURE_SCALE * _figures(map_, share)]
        for center, image in zip(centers, images, strict=True):
            ratio = map_.shape[-1] // image.shape[-1]
            coarse = F.avg_pool3d(share[:, None], (1, ratio, ratio))[:, 0] * ratio**2
            seen = torch.einsum("lzyx,lczyx->lc", coarse, image.float().expand(len(map_), -1, -1, -1, -1))
            before, after = (F.layer_norm(part.float(), part.shape[1:]) for part in (center, seen))
            parts += [before, after, before * after]
        found: torch.Tensor = self.out(F.relu(self.hidden(torch.cat(parts, 1))))
        return found[:, 0]


def _figures(map_: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return the highest logit, the logarithm of the map's sum, and the mean logit where the map puts the lesion."""
    flat = map_.flatten(1)
    return torch.stack([flat.amax(1), torch.logsumexp(flat, 1), (share.flatten(1) * flat).sum(1)], 1)


def center_of(image: torch.Tensor, cell: tuple[int, int, int]) -> torch.Tensor:
    """Return the mean of psi over the 3 x 3 x 3 cells round a cell (z, y, x) that lie in the crop, (1, features)."""
    window = tuple(slice(max(0, n - 1), n + 2) for n in cell)
    return image[(slice(None), slice(None), *window)].mean(dim=(2, 3, 4))
