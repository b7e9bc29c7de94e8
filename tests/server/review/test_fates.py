"""What a reader says became of a lesion stands in its cell and in the CSV, waits for nobody, and can be taken back."""

import csv
import io
from typing import Any

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
    refused = page.post("fate", 409, study=SECOND, lesion="lesion_1", fate="too_small", reader="dr c")  # saw no word
    assert refused["detail"].endswith("was said by somebody else meanwhile (gone, by dr b): look again")
    word = FateStore(page.marks).of_study(SECOND).fates["lesion_1"].said_at
    page.post("fate", 409, study=SECOND, lesion="lesion_1", fate="", before=word, reader="dr c")  # not his word
    page.post("fate", study=SECOND, lesion="lesion_1", fate="", before=word, reader="dr b")
    assert page.review.patient("eve").open_count == 2
    page.post("fate", study=SECOND, lesion="lesion_1", fate="gone", reader="dr b")
    page.post("accept", study=SECOND, lesion="lesion_1", track=seen(page, SECOND), reader="dr b")  # overrules
    cell = page.review.patient("eve").row("lesion_1").cells[SECOND]
    assert (cell.kind, cell.fate) == ("accepted", None)


def test_the_undo_of_a_word_is_bound_to_it_and_so_is_doing_it_again(page: Page) -> None:
    page.marks.mark(FIRST, [Lesion("lesion_2", (2.0, 0.0, -160.0), 4.0)])
    track_all(page)

    def say(expect: int = 200, **more: Any) -> Any:
        return page.post("fate", expect, **{"study": SECOND, "lesion": "lesion_1", "reader": "dr b", **more})

    def shown() -> str:
        cell = page.review.patient("eve").row("lesion_1").cells[SECOND]
        return cell.fate.words if cell.fate else cell.kind

    first = say(fate="merged", others=["lesion_2"])
    second = say(fate="gone", before=first["before"])
    say(409, fate="", before=first["before"])  # the first banner's: another word stands
    undone = say(fate="", before=second["before"])
    assert (undone["done"], shown()) == ("lesion_1: taken back (gone)", "merged (lesion_2)")
    again = {"before": undone["before"], **undone["again"]}
    third = say(**again)
    assert shown() == "gone"
    say(409, **again)  # twice
    say(fate="", before=third["before"])
    undone = say(fate="", before=first["before"])
    assert (undone["before"], undone["again"]) == ("", {"fate": "merged", "others": ["lesion_2"]})
    say(422, fate="")  # nothing is left to take back


def test_after_a_point_that_overrules_a_word_another_one_can_be_said(page: Page) -> None:
    track_all(page)
    word = page.post("fate", study=SECOND, lesion="lesion_1", fate="gone", reader="dr b")["before"]
    row = {"patient": "eve", "lesion": "lesion_1"}
    assert page.http.get("/lesions/row", params=row).text.count('data-action="fate"') == 1
    page.post("accept", study=SECOND, lesion="lesion_1", track=seen(page, SECOND), reader="dr b")
    text = page.http.get("/lesions/row", params=row).text
    assert 'data-action="fate"' not in text  # U takes the accepting back
    assert "data-before" not in text
    page.post("fate", 409, study=SECOND, lesion="lesion_1", fate="too_small", before=word, reader="dr b")
    page.post("fate", study=SECOND, lesion="lesion_1", fate="too_small", reader="dr b")
    assert page.http.get("/lesions/row", params=row).text.count('data-action="fate"') == 1


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
