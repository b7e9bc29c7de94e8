"""A server with tiny published weights on drawn patients, and readers who marked, tracked and answered."""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import requests
import torch

from lesion_tracker.network.weights import save_tracker
from lesion_tracker.training.learning.validation_inputs import FILE_NAME, ValidationPair, write_inputs
from lesion_tracker.training.prepared.prepared_pair import PairedLesion
from tests.server.clicks import BY_NAME, expected_mm
from tests.server.conftest import Server
from tests.training.made import made_volume
from tests.training.taught import tiny_tracker


def publish_tiny(folder: Path) -> None:
    """Publish random weights of a few thousand parameters, with one validation input beside them."""
    save_tracker(tiny_tracker().net, folder, {"name": "tiny"})
    volume = made_volume(9, (64, 64, 32))
    place = np.array([24.0, 24.0, 30.0])
    pair = ValidationPair("made", volume, volume, (PairedLesion("0", place, 6.0, place, 6.0, place),))
    write_inputs([pair], folder / "validation" / FILE_NAME)


def publish_other(folder: Path, seed: int) -> str:
    """Publish other random weights, as a training does; return the version."""
    from lesion_tracker.training.learning.publish import ModelStore

    store = ModelStore(folder)
    torch.manual_seed(seed)
    version = store.add(tiny_tracker(seed).net, {"name": f"tiny {seed}"})
    store.publish(version)
    return version


def ask(server: Server, model: str, image: str, params: dict[str, Any]) -> dict[str, Any]:
    """Send a request that must be answered; return its params."""
    answer = server.infer(model, image, json.dumps(params), output="json")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def mark(server: Server, patient: str) -> dict[str, Any]:
    """Mark a patient's two lesions in the earliest study, at their exact places."""
    drawn = BY_NAME[patient]
    lesions = [
        {"id": f"lesion_{n}", "center_mm": list(center), "radius_mm": radius}
        for n, (center, radius) in enumerate(zip(drawn.lesions_mm, drawn.radii_mm, strict=True), start=1)
    ]
    return ask(server, "mark_lesion", f"{patient}__20200101", {"lesions": lesions})


def track(server: Server, patient: str, method: str = "affine") -> list[dict[str, Any]]:
    """Track a patient's lesions in the second study."""
    return list(ask(server, "track_lesion", f"{patient}__20210101", {"method": method})["tracks"])


def correct(server: Server, patient: str) -> dict[str, Any]:
    """Move both lesions of a patient to their exact places in the second study."""
    places = expected_mm(patient)
    lesions = [{"id": f"lesion_{n}", "center_mm": list(place)} for n, place in enumerate(places, start=1)]
    return ask(server, "correct_lesion", f"{patient}__20210101", {"lesions": lesions})


def get(server: Server, path: str) -> Any:
    """Return the JSON of a GET."""
    answer = requests.get(f"{server.url}{path}", timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def plugin_client(url: str) -> Any:
    """Return the client of the Slicer plugin, from the installed wheel."""
    plugin = str(Path(sys.prefix) / "monailabel" / "plugins" / "slicer" / "MONAILabel")
    sys.path.insert(0, plugin)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it imports cgi
            from MONAILabelLib import MONAILabelClient
    finally:
        sys.path.remove(plugin)
    return MONAILabelClient(url, client_id="user-xyz")
