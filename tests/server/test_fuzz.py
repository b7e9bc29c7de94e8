"""What nobody thought of: schemathesis over the app's own routes, and odd JSON in the params of every task."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.server.conftest import Server

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis comes with schemathesis, which is not installed")
schemathesis = Path(sys.executable).with_name("schemathesis")

from hypothesis import strategies as st  # noqa: E402 - after the skip

pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore::ResourceWarning")]

OWN = r"^/(infer/\{model\}|train/|models/|lesions|activelearning/|scoring/)"
LONGEST_S = 120.0
"""A bound against hanging, not an expectation: the machine may be busy with other things."""

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


@pytest.mark.skipif(not schemathesis.exists(), reason="schemathesis is not installed")
def test_schemathesis_finds_no_fault_in_the_apps_own_routes(server: Server, tmp_path: Path) -> None:
    command = [str(schemathesis), "run", f"{server.url}/openapi.json", "--include-path-regex", OWN]
    command += ["--checks", "not_a_server_error", "--max-examples", "12", "--request-timeout", str(LONGEST_S)]
    command += ["--seed", "7", "--phases", "examples,coverage,fuzzing", "--workers", "1", "--no-color"]
    command += ["--suppress-health-check", "all"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=1500, check=False)
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    tested = re.search(r"(\d+) generated", found.stdout) or re.search(r"Test cases:\s*\n?\s*(\d+)", found.stdout)
    assert tested is not None, found.stdout[-2000:]
    assert int(tested[1]) >= 50
    assert requests.get(f"{server.url}/info/", timeout=LONGEST_S).status_code == 200
