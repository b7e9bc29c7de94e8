"""A reader's word on what became of a lesion in a study: gone, too small, merged, split, not assessed; and taking it back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from lesion_tracker.errors import Changed, InputError
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.fate import FATES
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
        study, reader = catalog.study(body.study), signed(body.reader)
        with review.changing(study.patient_id) as known:
            row = known.row(body.lesion)
            last = store.of_study(study.id).fates.get(body.lesion)
            if (last.said_at if last else "") != body.before:
                raise Changed(
                    f"what became of {row.label} in {study.id} was said by somebody else meanwhile: look again"
                )
            if not body.fate:
                taken = store.undo(study.id, body.lesion, reader, of="fate")
                words = FATES[taken.fate].words if isinstance(taken, SaidFate) else ""
                return {"done": f"{row.label}: taken back ({words})", "studies": [study.id]}
            uid = next((cell.tracking_uid for cell in row.cells.values() if cell.tracking_uid), "")
            try:
                said = SaidFate(body.lesion, body.fate, body.others, uid, reader)
            except ValueError as error:
                raise InputError(f"{row.label} in {study.id}: {error}") from None
            store.say(study.id, said)
        return {"done": f"{row.label}: {FATES[body.fate].words}", "studies": [study.id]}

    return router
