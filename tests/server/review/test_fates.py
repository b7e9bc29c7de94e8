"""What a reader says became of a lesion stands in its cell and in the CSV, waits for nobody, and can be taken back."""

import csv
import io

from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.study_histories import FATES_TAG
from lesion_tracker.records.lesion import Lesion
from tests.server.review.conftest import STUDIES, Page
from tests.server.review.test_page import seen, track_all

FIRST, SECOND, THIRD = STUDIES


def test_a_word_closes_its_cell_stands_in_the_table_and_is_taken_back(page: Page) -> None:
    track_all(page)
    assert page.review.patient("eve").open_count == 2
    done = page.post("fate", study=SECOND, lesion="lesion_1", fate="gone", reader="dr b")
    assert done["done"] == "lesion_1: gone"
    assert page.review.patient("eve").open_count == 1
    assert "gone, said by dr b" in page.http.get("/lesions/row", params={"patient": "eve", "lesion": "lesion_1"}).text
    table = page.http.get("/lesions/table.csv", params={"patient": "eve"}).text.lstrip("\ufeff")
    assert [line["fate"] for line in csv.DictReader(io.StringIO(table))] == ["", "gone", ""]
    page.post("fate", 409, study=SECOND, lesion="lesion_1", fate="too_small", reader="dr c")  # saw no word
    word = FateStore(page.marks).of_study(SECOND).fates["lesion_1"].said_at
    page.post("fate", 409, study=SECOND, lesion="lesion_1", fate="", before=word, reader="dr c")  # not his word
    page.post("fate", study=SECOND, lesion="lesion_1", fate="", before=word, reader="dr b")
    assert page.review.patient("eve").open_count == 2
    page.post("fate", study=SECOND, lesion="lesion_1", fate="gone", reader="dr b")
    page.post("accept", study=SECOND, lesion="lesion_1", track=seen(page, SECOND), reader="dr b")  # overrules
    cell = page.review.patient("eve").row("lesion_1").cells[SECOND]
    assert (cell.kind, cell.fate) == ("accepted", None)


def test_merged_names_one_lesion_of_the_study_and_split_several(page: Page) -> None:
    page.marks.mark(FIRST, [Lesion(f"lesion_{n}", (float(n), 0.0, -160.0), 4.0) for n in (2, 3)])
    merged = {"study": FIRST, "lesion": "lesion_1", "fate": "merged", "reader": "dr b"}
    for others in ((), ("lesion_2", "lesion_3"), ("lesion_1",), ("lesion_9",)):
        page.post("fate", 422, **merged, others=others)
    page.post("fate", 422, **{**merged, "fate": "eaten"})
    page.post("fate", **merged, others=("lesion_2",))
    assert page.review.patient("eve").row("lesion_1").cells[FIRST].words == "merged (lesion_2), said by dr b"


def test_a_damaged_file_of_fates_stops_its_own_patient_alone(page: Page) -> None:
    page.post("fate", study=SECOND, lesion="lesion_1", fate="gone", reader="dr b")
    path = page.marks.history(FATES_TAG, SECOND).path
    path.write_text("torn\n" + path.read_text())
    for _ in range(2):  # also where it was read before
        shown = page.http.get("/lesions/")
        assert shown.status_code == 200
        assert f"{SECOND}.jsonl, line 1" in shown.text
    assert "history is damaged: <bdi>eve</bdi>" in page.http.get("/lesions/waterfall").text
