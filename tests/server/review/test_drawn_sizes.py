"""A reader's own size: kept with who and when, before the automatic one everywhere, answered to what was seen, and undone."""

import csv
import io
from typing import Any

import numpy as np
import pytest

from lesion_tracker.readers.size_store import SizeStore
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.server.viewers.answer import readers_sizes
from tests.server.review.conftest import STUDIES, Page
from tests.server.review.test_page import track_all
from tests.server.review.test_sizes import CENTER_MM, ellipsoids

__all__ = ["ellipsoids"]
FIRST, SECOND, THIRD = STUDIES
X, Y, Z = CENTER_MM.tolist()
AXES = (((X - 12, Y, Z), (X + 12, Y, Z)), ((X + 1, Y - 8, Z), (X + 1, Y + 8, Z)))


def shown(page: Page, study: str = FIRST) -> dict[str, Any]:
    """Return the size that the large view shows, and what a change of it answers."""
    html = page.http.get("/lesions/", params={"patient": "eve", "lesion": "lesion_1", "study": study}).text
    data = page.data(html)
    size = data["panes"]["study"]["size"]
    answers = {"study": study, "lesion": "lesion_1", "seen": data["seen"], "size": size["version"]}
    return {"words": size["words"], "answers": answers}


def line(page: Page, study: str = FIRST) -> dict[str, str]:
    """Return a line of the table for spreadsheets."""
    table = page.http.get("/lesions/table.csv", params={"patient": "eve"}).text.lstrip("\ufeff")
    return next(one for one in csv.DictReader(io.StringIO(table)) if one["study"] == study)


def test_drawn_axes_count_before_measured_ones_until_they_are_taken_back(ellipsoids: Page) -> None:
    page = ellipsoids
    track_all(page)
    track_all(page, what="measure")
    before, automatic = shown(page), line(page)
    version = page.http.get("/lesions/changes", params={"patient": "eve"}).json()
    between = np.add(AXES, (0, 0, 0.7)).tolist()  # of slices 2 mm apart
    done = page.post("size", **before["answers"], axes_mm=between, reader="dr b")
    assert SizeStore(page.marks).said(FIRST)["lesion_1"].measured.key_slice == Z
    assert done["done"] == "lesion_1: 24.0 × 16.0 mm kept"
    assert page.http.get("/lesions/changes", params={"patient": "eve"}).json() != version
    row = page.http.get("/lesions/row", params={"patient": "eve", "lesion": "lesion_1"}).text
    assert "24.0 × 16.0 mm" in row
    assert "by dr b" in row
    now = line(page)
    assert (now["long_axis_mm"], now["short_axis_mm"], now["size_by"]) == ("24.0", "16.0", "dr b")
    assert (now["volume_ml"], now["mean_hu"]) == ("", "")  # an end was moved by 2 mm of 20: the outline is another's
    assert float(line(page, SECOND)["long_axis_change_mm"]) == pytest.approx(-4, abs=1)
    after = shown(page)
    late = page.post("size", 409, **before["answers"], axes_mm=AXES, reader="dr c")["detail"]
    assert "dr b measured it: 24.0 × 16.0 mm" in late
    assert "not yours" in page.post("size/undo", 409, **after["answers"], reader="dr c")["detail"]
    page.post("size/automatic", **after["answers"], reader="dr c")
    assert line(page) == automatic
    page.post("size/automatic", 422, **shown(page)["answers"], reader="dr c")
    page.post("size/undo", **shown(page)["answers"], reader="dr c")
    assert shown(page)["words"] == "24.0 × 16.0 mm"
    page.post("size/undo", **after["answers"], reader="dr b")
    assert line(page) == automatic
    page.post("size/undo", 422, **shown(page)["answers"], reader="dr b")
    html = page.http.get("/lesions/", params={"patient": "eve", "lesion": "lesion_1", "study": FIRST}).text
    assert html.count("took back a step on its size") == 2
    assert "dr c went back to its automatic size" in html


def test_viewers_get_the_axes_that_a_reader_drew_instead_of_the_tracks_own(ellipsoids: Page) -> None:
    page = ellipsoids
    track_all(page)
    track_all(page, what="measure")
    review = page.review
    measuring = Measuring(review._catalog, page.marks, review._engine, review._bound)
    tracks = [*page.marks.tracks(SECOND), *page.marks.tracks(THIRD)]
    assert readers_sizes(tracks, measuring) == {}
    there = np.array(AXES) + np.array(tracks[0].center_mm) - CENTER_MM
    there[..., 2] = -118.0  # of the slices 2 mm apart the one that the point lies in
    page.post("size", **shown(page, SECOND)["answers"], axes_mm=there.tolist(), reader="dr b")
    (own,) = readers_sizes(tracks[:1], measuring).values()
    assert (own["long_axis_mm"], own["short_axis_mm"], own["volume_ml"], own["size_by"]) == (24.0, 16.0, None, "dr b")
    np.testing.assert_allclose([own["long_ends_mm"], own["short_ends_mm"]], there, atol=1e-6)
    assert "earlier_long_axis_mm" not in own
    page.post("size", **shown(page)["answers"], axes_mm=AXES, reader="dr b")
    assert readers_sizes(tracks[:1], measuring)["lesion_1"]["earlier_long_axis_mm"] == 24.0


def test_a_new_outline_is_kept_whole_and_axes_near_it_keep_it(ellipsoids: Page) -> None:
    page = ellipsoids
    track_all(page, what="measure")
    click = (X + 2, Y - 1, Z + 2)
    found = page.http.get("/lesions/outline", params={"study": FIRST, **dict(zip("xyz", click, strict=True))}).json()
    assert found["axes"][0] != []
    store = SizeStore(page.marks)
    assert not store.said(FIRST)  # looking keeps nothing
    page.post("size", **shown(page)["answers"], click_mm=click, reader="dr b")
    kept = store.said(FIRST)["lesion_1"].measured
    assert (kept.changed_by, kept.check) == ("dr b", "")
    assert len({ring[0][2] for ring in kept.outline}) > 4  # the masks that are written need all slices
    assert [list(map(list, kept.long_ends_mm)), list(map(list, kept.short_ends_mm))] == found["axes"]
    (a, b), short = found["axes"]
    longer = (np.array(a) + (np.array(a) - b) * 0.05).tolist()  # by 5 % of it, about 1 mm
    page.post("size", **shown(page)["answers"], axes_mm=((longer, b), short), reader="dr b")
    nearer = store.said(FIRST)["lesion_1"].measured
    assert nearer.long_axis_mm == pytest.approx(1.05 * kept.long_axis_mm, abs=0.01)
    assert (nearer.outline, nearer.volume_ml) == (kept.outline, kept.volume_ml)
    words = shown(page)["words"]
    page.post("move", study=FIRST, lesion="lesion_1", center_mm=(X + 5, Y, Z), reader="dr b")
    assert shown(page)["words"] == words  # still the same body
    page.post("move", study=FIRST, lesion="lesion_1", center_mm=(X + 20, Y, Z), reader="dr b")
    html = page.http.get("/lesions/", params={"patient": "eve", "lesion": "lesion_1", "study": FIRST}).text
    assert ">not measured<" in html


def test_what_makes_no_size_is_refused(ellipsoids: Page) -> None:
    page = ellipsoids
    track_all(page, what="measure")
    answers = shown(page)["answers"]
    refused: dict[str, dict[str, Any]] = {
        "nothing to keep": {},
        "one axial slice": {"axes_mm": (AXES[0], ((X, Y - 8, Z + 2), (X, Y + 8, Z + 2)))},
        "0.5 mm at least": {"axes_mm": (AXES[0], ((X, Y, Z), (X, Y + 0.1, Z)))},
        "move the point there first": {"axes_mm": np.add(AXES, (0, 25, 0)).tolist()},
        "outside study": {"click_mm": (500, 0, 0)},
    }
    for why, sent in refused.items():
        assert why in page.post("size", 422, **answers, reader="dr b", **sent)["detail"]
    assert not SizeStore(page.marks).said(FIRST)


def test_a_lesion_without_a_point_has_no_size(ellipsoids: Page) -> None:
    page = ellipsoids
    answers = {"study": SECOND, "lesion": "lesion_1", "seen": page.marks.records(SECOND).seen("lesion_1")}
    assert "has no point" in page.post("size", 422, **answers, axes_mm=AXES, reader="dr b")["detail"]
    page.marks.mark(SECOND, [Lesion("lesion_1", (X, Y, Z), 9.0)])
    page.post("size", 409, **answers, axes_mm=AXES, reader="dr b")  # the point was set meanwhile
