"""A reader's word on what a lesion is in all studies: target or not, in which organ, lymph node or not."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from lesion_tracker.errors import Changed, InputError
from lesion_tracker.readers.fate_store import FateStore, traits_said
from lesion_tracker.readers.lesion_graph import lesion_graph
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.followed import Followed, Role, Traits
from lesion_tracker.records.said import SaidTraits
from lesion_tracker.response.selection import refuse_target
from lesion_tracker.server import addresses
from lesion_tracker.server.review.requests import Name, OneRequest, Stamp
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.review.shared_routes import require_json
from lesion_tracker.server.who import signed


class Is(OneRequest):
    """A reader says what a lesion is.

    Args:
        patient: whose.
        lesion: the lesion.
        role: in RECIST, "" for neither target nor non-target.
        organ: where it lies, in words.
        node: whether it is a lymph node.
        before: when the word was said that the reader saw, "" for none.
    """

    patient: Name
    lesion: Name
    role: Role = ""
    organ: Annotated[str, Field(max_length=200)] = ""
    node: bool = False
    before: Stamp = ""


def trait_routes(review: Review, marks: MarkStore) -> APIRouter:
    """Return the route.

    Args:
        review: knows the patient's lesions.
        marks: where lesions, and what they are, are kept.
    """
    router = APIRouter(tags=["Lesions"])
    store = FateStore(marks)

    @router.post(addresses.TRAITS, dependencies=[Depends(require_json)])
    def described(body: Is) -> dict[str, Any]:
        reader = signed(body.reader)
        with review.changing(body.patient) as known:
            row, studies = known.row(body.lesion), [study.id for study in known.studies]
            _require_last(traits_said(known.fates.values()).get(body.lesion), body.before, row.label)
            try:
                traits = Traits(body.role, body.organ, body.node)
            except ValueError as error:
                raise InputError(f"{row.label}: {error}") from None
            patient = lesion_graph(studies, known.records, known.fates).lesions
            lesion = Followed(body.lesion, traits, patient[body.lesion].parent, row.label)
            refuse_target(patient, lesion)
            where = next(name for name in studies if body.lesion in known.records[name].lesion_ids())
            store.describe(where, body.lesion, traits, reader)
        return {"done": f"{row.label}: {traits.words}", "lesion": body.lesion, "studies": [where]}

    return router


def _require_last(last: SaidTraits | None, seen: str, name: str) -> None:
    if (last.said_at if last else "") != seen:
        what = f"{last.traits.words}, by {last.said_by or 'somebody'}" if last else "nothing, it was taken back"
        raise Changed(f"what {name} is was said by somebody else meanwhile ({what}): look again")
