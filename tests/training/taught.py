"""Made corrections: patients whose follow-up is the baseline moved along, and a tiny network to fine-tune."""

from collections.abc import Callable

import numpy as np
import torch

from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.lattice import crop_grid
from lesion_tracker.network.tracker import Tracker, tracker_from_net
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.learning.fine_tuning import FineTuningSettings
from lesion_tracker.volumes.volume import Volume
from tests.training.made import made_volume

TINY = NetworkConfig(blocks=(1, 1, 1), growth=8, stem=8, bottleneck=2, features=8, global_kernel=(3, 5, 5))
CROPS = ScenarioSettings(template_voxels=(64, 64, 24), search_voxels=((64, 64, 32),), lesions=2)
QUICK = FineTuningSettings(steps=12, minutes=30.0, device="cpu", scenario=CROPS)
SHIFT_MM = np.array([4.0, 0.0, 2.0])
PLACES_MM = np.array([[40.0, 42.0, 38.0], [30.0, 48.0, 30.0], [50.0, 36.0, 46.0], [44.0, 28.0, 40.0]])


def tiny_tracker(seed: int = 0) -> Tracker:
    """Return random weights of a network of a few thousand parameters."""
    torch.manual_seed(seed)
    card = {"name": "tiny", "sha256": "0" * 64, "data": [{"name": "made", "licence": "none"}]}
    return tracker_from_net(TrackerNet(TINY), name="tiny", sha256="0" * 64, card=card, device="cpu")


def made_patients(count: int) -> dict[str, Volume]:
    """Return two studies of each patient, `p<n>__20200101` and `p<n>__20210101`, the later one moved by SHIFT_MM."""
    volumes = {}
    for number in range(count):
        before = made_volume(20 + number)
        volumes[f"p{number}__20200101"] = before
        volumes[f"p{number}__20210101"] = Volume(before.hu, crop_grid(SHIFT_MM, before.grid.size))
    return volumes


def patient_of(study_id: str) -> str | None:
    """Return whose study it is."""
    return study_id.split("__")[0]


def teach(marks: MarkStore, patients: int, lesions: int, error_mm: Callable[[int], np.ndarray]) -> None:
    """Mark, track and answer lesions of each patient; the last one of each is accepted, the others are corrected.

    Args:
        marks: the store.
        patients: how many.
        lesions: of each.
        error_mm: how far off the reader's point is from the true one, by the number of the patient.
    """
    for number in range(patients):
        before, after = f"p{number}__20200101", f"p{number}__20210101"
        marked = [Lesion(f"lesion_{n}", tuple(PLACES_MM[n]), 6.0) for n in range(lesions)]
        marks.mark(before, marked)
        marks.add_tracks(after, [_track(before, after, n) for n in range(lesions)])
        tracks = marks.tracks(after)
        points = [PLACES_MM[n] + SHIFT_MM + error_mm(number) for n in range(lesions)]
        marks.correct(after, [Correction(tracks[n], tuple(points[n])) for n in range(lesions - 1)])
        marks.accept(after, [f"lesion_{lesions - 1}"], "reader")


def _track(before: str, after: str, number: int) -> Track:
    center = tuple(PLACES_MM[number] + SHIFT_MM + 3.0)
    return Track(
        lesion_id=f"lesion_{number}",
        baseline_study=before,
        followup_study=after,
        center_mm=center,
        expected_radius_mm=6.0,
        confidence=0.4,
        state="uncertain",
        expected_mm=center,
        method="auto",
        created_at="2026-01-01T00:00:00+00:00",
    )
