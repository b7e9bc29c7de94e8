"""Odd params, clicks, framing and bodies, drawn by number: no answer is a fault of the server, and none takes long."""

import json
import random
import time
from typing import Any

import pytest
import requests

from tests.server.conftest import Server
from tests.server.locked_server import bearer

pytestmark = pytest.mark.server

LONGEST_S = 60.0
STUDIES = ("ann__20200101", "ann__20210101", "bob__20200101", "", "nobody", "../x", "/etc/passwd", "\u202e")
VALUES: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        2**31,
        2**63,
        -(2**70),
        1e308,
        -1e-308,
        0.1,
        "",
        " ",
        "a",
        "x" * 3000,
        "\x00",
        "\U0001f600",
        "'\"<>",
        "../..",
    ),
    *(
        [],
        {},
        [[]],
        [[0, 0, 0]],
        [[1, 2]],
        [[1.5, 2, 3]],
        [["a", 1, 2]],
        [[1e30, 0, 0]],
        [[-1, -1, -1]],
        [[10, 10, 10]],
        {"a": 1},
    ),
    *(
        [1, 2, 3],
        [68, 54, -13.4],
        "auto",
        "dlt",
        "affine",
        *STUDIES[:2],
        [{"id": "lesion_1"}],
        [{"id": "", "center_mm": [0, 0, 0]}],
    ),
]
KEYS = (
    *(
        "lesions",
        "lesion_1",
        "\u00b2",
        "label",
        "radius_mm",
        "baseline_image",
        "method",
        "patient",
        "study_date",
        "foreground",
    ),
    *(
        "background",
        "result_extension",
        "device",
        "output",
        "roi",
        "bundle_path",
        "unknown",
        "",
        "\x00",
        "PatientID",
        "reader",
    ),
    *(
        "logging",
        "center_mm",
        "restore_label_idx",
        "label_prompt",
        "client_id",
        "save_label",
        "label_tag",
        "user",
        "model",
    ),
)
TEXTS = (
    "",
    "{",
    "[]",
    "null",
    "NaN",
    '{"a":NaN}',
    '{"a":1e999}',
    "[" * 5000,
    '"\\ud800"',
    '{"a":"\\udfff"}',
    "1" * 5000,
    "\ufeff{}",
)


def _value(drawn: random.Random, depth: int = 0) -> Any:
    if depth < 3 and drawn.random() < 0.25:
        return {drawn.choice(KEYS): _value(drawn, depth + 1) for _ in range(drawn.randrange(4))}
    if depth < 3 and drawn.random() < 0.15:
        return [_value(drawn, depth + 1) for _ in range(drawn.randrange(5))]
    return drawn.choice(VALUES)


def _params(drawn: random.Random) -> str:
    if drawn.random() < 0.08:
        return drawn.choice(TEXTS)
    return json.dumps({drawn.choice(KEYS): _value(drawn) for _ in range(drawn.randrange(5))})


def _infer(drawn: random.Random) -> dict[str, Any]:
    model = drawn.choice(("mark_lesion", "correct_lesion", "track_lesion", "spleen"))
    query = {"image": drawn.choice(STUDIES), "output": drawn.choice(("json", "image", "all", "dicom_seg", "x"))}
    return {"method": "POST", "path": f"/infer/{model}", "params": query, "data": {"params": _params(drawn).encode()}}


def _click(drawn: random.Random) -> dict[str, Any]:
    path = drawn.choice(("accept", "move", "undo", "delete", "restore", "rename", "track"))
    keys = ("reader", "study", "lesion", "track", "center_mm", "patient", "studies", "label", "baseline", "lesions")
    body = {key: _value(drawn) for key in drawn.sample(keys, drawn.randrange(7))}
    if drawn.random() < 0.6:
        body |= {
            "patient": "ann",
            "study": drawn.choice(STUDIES),
            "lesion": drawn.choice(("lesion_1", "\x00", "../a", "x" * 256)),
        }
    kind = drawn.choice(("application/json",) * 9 + ("text/plain",))
    return {"method": "POST", "path": f"/lesions/{path}", "data": json.dumps(body), "headers": {"Content-Type": kind}}


def _other(drawn: random.Random) -> dict[str, Any]:
    text = str(_value(drawn)).encode("utf-8", "replace").decode()[:500]
    path = drawn.choice(
        (
            "/lesions/",
            "/lesions/table.csv",
            "/datastore/image",
            "/datastore/image/info",
            "/datastore/label",
            "/lesions/crop.png",
        )
    )
    keys = ("patient", "lesion", "study", "image", "label", "tag", "x", "y", "z", "width", "pixels", "window", "other")
    return {"method": "GET", "path": path, "params": dict.fromkeys(drawn.sample(keys, 4), text)}


def _all_are_answered(server: Server, number: int, seed: int) -> None:
    drawn, headers = random.Random(seed), bearer(server, "ann")
    session, faults = requests.Session(), []
    for _ in range(number):
        asked = drawn.choice((_infer, _infer, _click, _other))(drawn)
        began = time.monotonic()
        answer = session.request(
            asked["method"],
            server.url + asked["path"],
            **{key: value for key, value in asked.items() if key in ("params", "data")},
            headers={**headers, **asked.get("headers", {})},
            timeout=600,
        )
        if answer.status_code >= 500 or time.monotonic() - began > LONGEST_S:
            faults.append((answer.status_code, time.monotonic() - began, str(asked)[:300], answer.text[:200]))
    assert faults == []
    assert requests.get(f"{server.url}/info/", headers=headers, timeout=60).status_code == 200


def test_some_hundred_mutations_are_answered(attacked: Server) -> None:
    _all_are_answered(attacked, 300, 11)


@pytest.mark.slow
def test_ten_thousand_mutations_are_answered(attacked: Server) -> None:
    _all_are_answered(attacked, 10_000, 12)
