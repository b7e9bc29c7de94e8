"""A server whose weights are torn, or say what this version cannot use: it tracks by registration and says why."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import APP, Server, start_server, stop, wait_until_ready
from tests.server.phantom import write_patients

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

MARK = {"lesions": [{"id": "lesion_1", "center_mm": [-50.0, -20.0, -316.0], "radius_mm": 9.0}]}


def spoil(model: Path, how: str) -> None:
    """Make published weights useless."""
    if how == "torn":
        weights = model / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif how == "no card":
        (model / "card.json").unlink()
    else:
        card = json.loads((model / "card.json").read_text())
        card["calibration"]["features"] = ["one that nobody knows"]
        (model / "card.json").write_text(json.dumps(card))


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("torn")
    studies, model, log = folder / "studies", folder / "model", folder / "server.log"
    studies.mkdir()
    write_patients(studies)
    shutil.copytree(APP / "model", model)
    spoil(model, "torn")
    process, url = start_server(studies, log, {"method": "auto", "background": "false", "model_dir": str(model)})
    try:
        wait_until_ready(process, url, log)
        yield Server(url, studies, process.pid, log), model
    finally:
        stop(process)


@pytest.mark.parametrize(
    ("how", "reason"),
    [("torn", "is torn"), ("calibration", "the card's calibration has features"), ("no card", "no published weights")],
)
def test_useless_weights_leave_registration_and_the_answer_says_why(
    torn: tuple[Server, Path], how: str, reason: str
) -> None:
    server, model = torn
    shutil.rmtree(model)
    shutil.copytree(APP / "model", model)
    spoil(model, how)
    assert server.infer("mark_lesion", "ann__20200101", json.dumps(MARK), output="json").status_code == 200

    answer = server.infer("track_lesion", "ann__20210101", json.dumps({"method": "auto"}), output="json")
    assert answer.status_code == 200, answer.text
    found = answer.json()["tracks"][0]
    assert "auto: no published weights" in found["method"]
    assert reason in found["note"]
    assert found["model"] is None

    refused = server.infer("track_lesion", "ann__20210101", json.dumps({"method": "dlt"}), output="json")
    assert refused.status_code == 409, refused.text
    assert "'dlt' needs weights" in refused.json()["detail"]
    assert reason in refused.json()["detail"]
    assert f"no weights, registration alone will answer: {model}" in server.log.read_text() or how != "torn"
