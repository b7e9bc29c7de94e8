"""All rows of the table, in its order; those that cannot be measured here say why."""

from functools import cache
from pathlib import Path

from benchmarks.accuracy.weights import judged_by
from benchmarks.peers.app_methods import app_method
from benchmarks.peers.convexadam import convexadam_peer
from benchmarks.peers.deeds import deeds_peer
from benchmarks.peers.peer import Peer
from benchmarks.peers.trained import trained_peers
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.network.weights import CARD_FILE, load_tracker


def catalog(model_folder: Path, device: str) -> list[Peer]:
    """Return all rows.

    Args:
        model_folder: of the published weights; without a card in it they are not published.
        device: "auto", "cpu", "cuda" or "cuda:<number>".

    Raises:
        WeightsError: for weights that are there but cannot be used.
        ValueError: for a device that this machine does not have.
    """
    model = published(model_folder, device)
    return [
        Peer("affine", "elastix on 4 mm voxels; the prior of `dlt`", app_method("affine")),
        Peer("bspline", "elastix, control points every 16 mm on 2 mm voxels", app_method("bspline"), slow=True),
        Peer("deformable", "greedy on 3 mm voxels; the prior of `auto` with `refine`", app_method("deformable")),
        convexadam_peer(),
        deeds_peer(),
        *trained_peers(device),
        _dlt(model),
        _auto(model),
    ]


@cache
def published(folder: Path, device: str) -> Tracker | None:
    """Return the published weights, read once in each process; None where none are published.

    Raises:
        WeightsError: for weights that are there but cannot be used.
    """
    return load_tracker(folder, device) if (folder / CARD_FILE).exists() else None


def _dlt(model: Tracker | None) -> Peer:
    note = "the paper's tracker, learned here from constructed follow-ups, on the affine point"
    if model is None:
        return Peer("dlt", note, None, "not trained: no published weights in apps/lesion_tracker/model")
    return Peer("dlt", note, app_method("dlt", model), decided_by={"weights": model.sha256})


def _auto(model: Tracker | None) -> Peer:
    if model is None:
        return Peer("auto", "the product's default; without published weights registration alone", app_method("auto"))
    note = "the product's default: registration and network together"
    decided_by = {"weights": model.sha256, **{name: str(value) for name, value in judged_by(model.card).items()}}
    return Peer("auto", note, app_method("auto", model), decided_by=decided_by)
