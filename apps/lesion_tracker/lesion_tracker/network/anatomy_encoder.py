"""phi: the anatomy signal as features that say at three scales how likely each cell is from registration alone."""

import torch
from torch import nn
from torch.nn import functional as F


class AnatomyEncoder(nn.Module):
    """phi1, phi2, phi3 of the shapes of psi.

    The heat map is smooth, so it is evaluated at the cell centres of the finest scale; the convolutions work there.
    The last layers start at phi = 1, so that training starts from the correlation of the images alone.

    Args:
        features: channels of phi.

    Source: section 3.2 of Cai et al., Deep Lesion Tracker, CVPR 2021 (its widths are not published; these are ours).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        width = features // 2
        self.inputs = nn.ModuleList(
            [
                nn.Conv3d(1, width, 3, padding=1),
                nn.Conv3d(width, width, 3, padding=1, stride=(1, 2, 2)),
                nn.Conv3d(width, width, 3, padding=1, stride=(1, 2, 2)),
            ]
        )
        outputs = [nn.Conv3d(width, features, 1) for _ in range(3)]
        for output in outputs:
            nn.init.normal_(output.weight, std=0.02)
            nn.init.ones_(output.bias)  # type: ignore[arg-type]
        self.outputs = nn.ModuleList(outputs)

    def forward(self, signal: torch.Tensor) -> list[torch.Tensor]:
        """Take the signal at the cells of the finest scale, (batch, 1, z, y, x), to phi1, phi2, phi3."""
        features = []
        x = signal
        for enter, leave in zip(self.inputs, self.outputs, strict=True):
            x = F.relu(enter(x))
            features.append(leave(x))
        return features
