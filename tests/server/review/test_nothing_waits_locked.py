"""No change on the page waits for anything while the marks are locked: what it waits for may be waiting for the marks."""

import threading
from typing import Any

import pytest

from lesion_tracker.server import bound
from lesion_tracker.volumes.fingerprint import fingerprint_of
from tests.server.review.conftest import STUDIES, Page
from tests.server.review.test_page import seen, track_all

FIRST, SECOND, _ = STUDIES
LESION = {"patient": "eve", "lesion": "lesion_1"}


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("close", {"study": SECOND, "lesion": "lesion_1", "closing": "not_evaluable"}),
        ("fate", {"study": SECOND, "lesion": "lesion_1", "fate": "gone"}),
        ("accept", {"study": SECOND, "lesion": "lesion_1"}),
        ("move", {"study": SECOND, "lesion": "lesion_1", "center_mm": [2, 0, -157]}),
        ("mark", {"study": SECOND, "center_mm": [8, 8, -150]}),
        ("rename", {**LESION, "label": "liver"}),
        ("delete", LESION),
        ("undo", {**LESION, "studies": [FIRST], "reader": "dr a"}),
    ],
)
def test_a_click_while_a_fingerprint_is_taken(
    page: Page, monkeypatch: pytest.MonkeyPatch, what: str, body: dict[str, Any]
) -> None:
    settled = threading.Event()

    def late(volume: Any) -> Any:
        settled.wait(10)
        return fingerprint_of(volume)

    def settle(self: bound.BoundMarks, study: Any, *, fetch: bool = True) -> list[str]:
        threading.Timer(0.05, settled.set).start()  # the click looks which volumes are meant before they are known
        return own(self, study, fetch=fetch)

    own = bound.BoundMarks.settle
    track_all(page)
    monkeypatch.setattr(bound, "fingerprint_of", late)
    monkeypatch.setattr(bound.BoundMarks, "settle", settle)
    study = page.review._catalog.study(SECOND)
    page.review._bound.remember(study, page.volume, "another stamp")
    sent = {"track": seen(page, SECOND)} if what in ("close", "accept", "move") else {}
    done: list[Any] = []
    click = threading.Thread(target=lambda: done.append(page.http.post(f"/lesions/{what}", json={**body, **sent})))
    click.daemon = True
    click.start()
    click.join(20)
    assert [one.status_code for one in done] == [200], done
