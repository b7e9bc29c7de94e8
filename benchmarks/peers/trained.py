"""The peers that need weights of their own: read from `weights/<name>` where they lie there, else named as not trained."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.app_methods import app_method
from benchmarks.peers.detector_peer import detector_peers
from benchmarks.peers.peer import Peer
from benchmarks.peers.voxelmorph import voxelmorph_peer
from lesion_tracker.errors import WeightsError
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.weights import load_tracker

WEIGHTS = Path(__file__).parent / "weights"
"""One folder a peer with `weights.safetensors` and `card.json`, as `main.py train` writes them."""
SIAMESE_KERNEL = (3, 5, 5)


@dataclass(frozen=True)
class _Variant:
    """A peer that is this project's own network with other weights or sizes."""

    name: str
    note: str
    siamese: bool = False


VARIANTS = (
    _Variant("siamrpn++ 3d", "our backbone without anatomy signal, kernel up to (3, 5, 5), on the affine point", True),
    _Variant("dlt-1000", "the paper's tracker, learned from constructed follow-ups with the budget of the other peers"),
    _Variant("dlt-ssl", "the paper's tracker, learned from augmented single studies alone"),
    _Variant("dlt-mix", "the paper's tracker, learned from constructed follow-ups and from augmented single studies"),
)


def trained_peers(device: str, weights: Path = WEIGHTS) -> list[Peer]:
    """Return a row a peer; those without weights say so.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:<number>".
        weights: folder of folders.

    Raises:
        WeightsError: for weights that are there, but torn or of another network than their row.
    """
    registering = voxelmorph_peer(device, weights / "voxelmorph")
    return [
        registering,
        *detector_peers(weights),
        *(_peer(variant, weights / _folder(variant.name), device) for variant in VARIANTS),
    ]


def _folder(name: str) -> str:
    return name.replace(" ", "-").replace("+", "p")


def _peer(variant: _Variant, folder: Path, device: str) -> Peer:
    if not folder.is_dir():
        return Peer(variant.name, variant.note, None, f"not trained: no weights in weights/{folder.name}")
    model = load_tracker(folder, device)
    config = NetworkConfig.from_json(model.card["config"])
    if variant.siamese and not _is_siamese(config):
        raise WeightsError(
            f"the weights in {folder} are not those of {variant.name!r}: anatomy is {config.anatomy} and the kernel "
            f"{config.global_kernel}, not False and at most {SIAMESE_KERNEL}"
        )
    steps = model.card.get("steps")
    note = variant.note if steps is None else f"{variant.note}; {steps:,} steps"
    return Peer(variant.name, note, app_method("dlt", model), decided_by={"weights": model.sha256})


def _is_siamese(config: NetworkConfig) -> bool:
    kernel = config.global_kernel or (1, 1, 1)
    return not config.anatomy and all(k <= most for k, most in zip(kernel, SIAMESE_KERNEL, strict=True))
