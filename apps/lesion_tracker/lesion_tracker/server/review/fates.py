"""A reader's word on what became of a lesion in a study: gone, too small, merged, split, not assessed; and taking it back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from lesion_tracker.errors import Changed, InputError
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.said_cells import fate_of
from lesion_tracker.records.said import SaidFate
from lesion_tracker.server import addresses
from lesion_tracker.server.review.requests import Name, OneRequest
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.review.shared_routes import require_json
from lesion_tracker.server.who import signed
from lesion_tracker.studies.catalog import Catalog


class Became(OneRequest):
    """A reader says what became of a lesion in a study.

    Args:
        study: where.
        lesion: the lesion.
        fate: one of `lesion_tracker.records.fate.FATES`; "": the reader's last word is taken back.
        others: the lesion that it merged with, or the parts that it split into, by id.
        before: when the word was said that the reader saw there, "" for none.
    """

    study: Name
    lesion: Name
    fate: Annotated[str, Field(max_length=32)]
    others: tuple[Name, ...] = ()
    before: Annotated[str, Field(max_length=64)] = ""


def fate_routes(review: Review, catalog: Catalog, marks: MarkStore) -> APIRouter:
    """Return the route.

    Args:
        review: knows the patient's lesions.
        catalog: the studies.
        marks: where lesions, and what became of them, are kept.
    """
    router = APIRouter(tags=["Lesions"])
    store = FateStore(marks)

    @router.post(addresses.FATE, dependencies=[Depends(require_json)])
    def became(body: Became) -> dict[str, Any]:
        """Return what was done; `before` is what the next word, or an undo of this one, answers; `again` what was undone."""
        study, reader = catalog.study(body.study), signed(body.reader)
        with review.changing(study.patient_id) as known:
            row = known.row(body.lesion)
            last = store.of_study(study.id).fates.get(body.lesion)
            cell = row.cells.get(study.id)
            seen = (
                last if cell is None or not body.fate else cell.fate
            )  # a later point may stand instead of the last word
            if (seen.said_at if seen else "") != body.before:
                what = f"{seen.words}, by {seen.said_by or 'somebody'}" if seen else "nothing, or a point overrules it"
                raise Changed(
                    f"what became of {row.label} in {study.id} was said by somebody else meanwhile ({what}): look again"
                )
            if not body.fate:
                taken = store.undo(study.id, body.lesion, reader, of="fate")
                left = fate_of(cell, store.of_study(study.id)) if cell else None
                again = {"fate": last.fate, "others": last.others} if last else {}
                return _done(f"{row.label}: taken back ({taken.words})", study.id, left) | {"again": again}
            uid = next((cell.tracking_uid for cell in row.cells.values() if cell.tracking_uid), "")
            try:
                said = store.say(study.id, SaidFate(body.lesion, body.fate, body.others, uid, reader))
            except ValueError as error:
                raise InputError(f"{row.label} in {study.id}: {error}") from None
            return _done(f"{row.label}: {said.words}", study.id, said)

    return router


def _done(words: str, study_id: str, stands: SaidFate | None) -> dict[str, Any]:
    return {"done": words, "studies": [study_id], "before": stands.said_at if stands else ""}
