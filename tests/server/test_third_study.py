"""A third study: tracked from where a reader accepted or corrected the lesions in the second, and from the first on request."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from lesion_tracker.volumes.writer import write_volume
from tests.server.conftest import ANSWER_S, Server
from tests.server.phantom import ANN
from tests.server.taught_server import ask

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

SHIFTS_MM = {"2020": (1.0, 2.0, -1.0), "2021": (4.0, -2.0, 3.0), "2022": (-3.0, 5.0, 2.0)}
"""How far the patient lies from the drawing, LPS mm, in each year's study."""

AFFINE_MM = 4.0
"""What affine registration may miss a lesion by in these drawings."""


@pytest.fixture
def studies(server: Server, tmp_path: Path) -> list[str]:
    """Upload three studies of a patient of this test; return their ids, the earliest first."""
    names = []
    for year, shift in SHIFTS_MM.items():
        file = tmp_path / f"fox {year}.nii.gz"
        write_volume(ANN.study(shift), file)
        params = json.dumps({"patient": "fox", "date": f"{year}0601"})
        with file.open("rb") as content:
            answer = requests.put(
                f"{server.url}/datastore/?image=fox {year}",
                files={"file": (file.name, content)},
                data={"params": params},
                timeout=ANSWER_S,
            )
        assert answer.status_code == 200, answer.text
        names.append(str(answer.json()["image"]))
    return names


def places(year: str) -> np.ndarray:
    return np.array(ANN.lesions_mm) + np.array(SHIFTS_MM[year])


def test_the_third_study_is_tracked_from_the_second_and_from_the_first_on_request(
    server: Server, studies: list[str]
) -> None:
    first, second, third = studies
    lesions = [
        {"id": f"lesion_{n}", "center_mm": list(place), "radius_mm": 8.0} for n, place in enumerate(places("2020"), 1)
    ]
    marked = ask(server, "mark_lesion", first, {"lesions": lesions})["lesions"]
    uids = {lesion["id"]: lesion["tracking_uid"] for lesion in marked}
    one, two = ask(server, "track_lesion", second, {})["tracks"]
    accepted = {"study": second, "lesion": "lesion_1", "track": one["created_at"], "reader": "dr a"}
    assert requests.post(f"{server.url}/lesions/accept", json=accepted, timeout=ANSWER_S).status_code == 200
    moved = (np.array(two["center_mm"]) + np.array([2.0, 0.0, 0.0])).tolist()
    ask(server, "correct_lesion", second, {"lesions": [{"id": "lesion_2", "center_mm": moved}]})

    def tracked(params: dict[str, Any], baseline: str) -> dict[str, np.ndarray]:
        answer = ask(server, "track_lesion", third, params)
        assert answer["baseline_image"] == baseline
        assert {track["baseline_study"] for track in answer["tracks"]} == {baseline}
        assert {track["lesion_id"]: track["tracking_uid"] for track in answer["tracks"]} == uids
        return {track["lesion_id"]: np.array(track["center_mm"]) for track in answer["tracks"]}

    from_second = tracked({}, second)
    from_first = tracked({"baseline_image": first}, first)
    np.testing.assert_allclose(list(from_first.values()), places("2022"), atol=AFFINE_MM)
    np.testing.assert_allclose(from_second["lesion_1"], places("2022")[0], atol=2 * AFFINE_MM)  # two steps
    # What the reader moved by 2 mm in the second study is found that much further in the third.
    expected = places("2022")[1] + np.array(moved) - places("2021")[1]
    np.testing.assert_allclose(from_second["lesion_2"], expected, atol=AFFINE_MM)
