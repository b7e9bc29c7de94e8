"""What nobody thought of: schemathesis over the app's own routes, and odd JSON in the params of every task."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from lesion_tracker.volumes.writer import write_volume
from tests.server.conftest import Server
from tests.server.fuzzing import LONGEST_S, needs_schemathesis, require_no_fault
from tests.server.locked_server import bearer, locked_server
from tests.server.phantom import PATIENTS

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis comes with schemathesis, which is not installed")

from hypothesis import strategies as st  # noqa: E402 - after the skip

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

OWN = r"^/(infer/\{model\}|session/$|train/|models/|lesions|activelearning/|scoring/)"
KEYS = ("lesions", "lesion_1", "lesion_2", "label", "radius_mm", "baseline_image", "patient", "method", "study_date",
        "foreground", "background", "label_prompt", "client_id", "restore_label_idx", "result_extension", "roi")  # fmt: skip

NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
PLAIN = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=20))
JSON = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
LESION = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(st.just("lesion_1"), PLAIN),
        "center_mm": st.one_of(st.lists(NUMBERS, min_size=3, max_size=3), JSON),
        "radius_mm": st.one_of(st.floats(0.5, 200.0), JSON),
        "label": PLAIN,
    },
)
PARAMS = st.dictionaries(
    st.sampled_from(KEYS),
    st.one_of(JSON, st.lists(LESION, max_size=3), st.lists(st.lists(NUMBERS, max_size=4))),
    max_size=5,
)
MODELS = st.sampled_from(["mark_lesion", "track_lesion", "correct_lesion"])
IMAGES = st.sampled_from(["cid__20200101", "cid__20210101", "dea__20210101", "nobody", "../x", ""])


def test_odd_params_are_answered_or_refused_and_never_a_fault(server: Server) -> None:
    @hypothesis.settings(max_examples=80, deadline=None, derandomize=True, database=None)
    @hypothesis.given(model=MODELS, image=IMAGES, params=PARAMS)
    def send(model: str, image: str, params: dict[str, Any]) -> None:
        started = time.monotonic()
        answer = server.infer(model, image, json.dumps(params), output="json")
        assert answer.status_code < 500, f"{model} {image} {params}: {answer.text}"
        assert time.monotonic() - started < LONGEST_S
        if answer.status_code >= 400:
            assert answer.json()["detail"]

    send()
    assert requests.get(f"{server.url}/info/", timeout=LONGEST_S).status_code == 200


def test_params_that_are_no_json_are_refused(server: Server) -> None:
    @hypothesis.settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @hypothesis.given(params=st.text(min_size=1, max_size=60))
    def send(params: str) -> None:
        answer = server.infer("mark_lesion", "cid__20200101", params.encode("utf-8", "replace"), output="json")
        assert answer.status_code in (200, 422), f"{params!r}: {answer.text}"

    send()


@pytest.mark.parametrize(
    "params",
    [
        "[" * 100_000,
        '{"lesion_1": ' + "[" * 50_000 + "]" * 50_000 + "}",
        '{"lesion_1": [[1' + "0" * 400 + ", 1, 1]]}",
        '{"lesion_1": [[1e400, 1, 1]]}',
        '{"lesions": [{"id": "lesion_1", "center_mm": [1' + "0" * 400 + ', 0, 0], "radius_mm": 5}]}',
        '{"radius_mm": 1' + "0" * 400 + "}",
        '{"\\udc80": [[1, 1, 1]]}',
        '{"lesions": [{"id": "lesion_1", "label": "\\ud800", "center_mm": [0, 0, 0], "radius_mm": 5}]}',
        '{"lesions": [{"id": "lesion_1", "\\udfff": 1}]}',
    ],
    ids=["deep", "deep click", "huge index", "endless index", "huge mm", "huge radius", "half a letter", "name", "key"],
)
def test_json_that_nothing_can_be_computed_from_is_refused(server: Server, params: str) -> None:
    for model in ("mark_lesion", "track_lesion", "correct_lesion"):
        answer = server.infer(model, "cid__20200101", params, output="json")
        assert answer.status_code == 422, answer.text
        assert "params must be a JSON object" in answer.json()["detail"]


@needs_schemathesis
def test_schemathesis_finds_no_fault_in_the_apps_own_routes(server: Server, tmp_path: Path) -> None:
    require_no_fault(server, OWN, tmp_path, least=50)


@needs_schemathesis
def test_schemathesis_finds_no_fault_in_uploads_and_what_is_kept_of_studies(server: Server, tmp_path: Path) -> None:
    before = requests.get(f"{server.url}/datastore/?output=all", timeout=LONGEST_S).json()["objects"]
    require_no_fault(server, r"^/datastore/image", tmp_path, least=20)
    after = requests.get(f"{server.url}/datastore/?output=all", timeout=LONGEST_S).json()["objects"]
    assert set(after) == set(before)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with accounts on one drawn patient."""
    folder = tmp_path_factory.mktemp("fuzz-accounts")
    studies = folder / "studies"
    studies.mkdir()
    write_volume(PATIENTS[0].study(), studies / f"{PATIENTS[0].name}__20200101.nii.gz")
    with locked_server(folder, studies, {"method": "affine", "background": "false"}) as running:
        yield running


@needs_schemathesis
def test_schemathesis_finds_no_fault_in_the_routes_of_accounts(locked: Server, tmp_path: Path) -> None:
    paths = r"^/(auth/|models/|train/)"
    require_no_fault(locked, paths, tmp_path, least=20, examples=8, headers=bearer(locked, "boss"))
    assert "Traceback" not in locked.log.read_text()


@pytest.mark.slow
@needs_schemathesis
def test_ten_minutes_of_schemathesis_find_no_fault_in_any_route(locked: Server, tmp_path: Path) -> None:
    """As the admin, who may ask for all of them."""
    require_no_fault(
        locked, r"^/(?!logout)", tmp_path, least=500, examples=1000, headers=bearer(locked, "boss"), seconds=600
    )
    assert "Traceback" not in locked.log.read_text()


def test_odd_log_ins_are_refused_and_never_a_fault(locked: Server) -> None:
    text = st.text(max_size=30)

    @hypothesis.settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @hypothesis.given(path=st.sampled_from(["/login", "/auth/token"]), name=text, password=text, wanted=text)
    def send(path: str, name: str, password: str, wanted: str) -> None:
        form = {"username": name.encode("utf-8", "replace"), "password": password.encode("utf-8", "replace")}
        answer = requests.post(
            f"{locked.url}{path}",
            data={**form, "next": wanted.encode("utf-8", "replace")},
            headers={"Cookie": "lesion_tracker=" + quote(wanted)},
            allow_redirects=False,
            timeout=LONGEST_S,
        )
        assert answer.status_code in (401, 422, 429), (
            f"{path} {name!r} {password!r}: {answer.status_code} {answer.text}"
        )

    send()
    assert "Traceback" not in locked.log.read_text()
