"""A reader's word on what a lesion is in all studies: target or not, in which organ, lymph node or not."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from lesion_tracker.errors import Changed, InputError
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.lesion_graph import lesion_graph
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.followed import Followed, Role, Traits
from lesion_tracker.records.said import SaidTraits
from lesion_tracker.response.selection import refuse_target
from lesion_tracker.server import addresses
from lesion_tracker.server.review.patient_review import PatientReview
from lesion_tracker.server.review.requests import Flag, Name, OneRequest, Stamp
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
    node: Flag = False
    before: Stamp = ""


class TakeBack(OneRequest):
    """A reader takes back what he said a lesion is.

    Args:
        patient: whose.
        lesion: the lesion.
        before: when the word was said that is meant.
    """

    patient: Name
    lesion: Name
    before: Annotated[Stamp, Field(min_length=1)]


def trait_routes(review: Review, marks: MarkStore) -> APIRouter:
    """Return the routes.

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
            words = store.words_on(studies, body.lesion)
            _require_last(words[-1][1] if words else None, body.before, row.label)
            try:
                traits = Traits(body.role, body.organ, body.node)
            except ValueError as error:
                raise InputError(f"{row.label}: {error}") from None
            refuse_target(*_as(known, body.lesion, traits))
            where = next(name for name in studies if body.lesion in known.records[name].lesion_ids())
            said = store.describe(where, body.lesion, traits, reader, words[-1][1] if words else None)
        return _done(f"{row.label}: {traits.words}", body.lesion, where, said.said_at)

    @router.post(addresses.TRAITS_UNDO, dependencies=[Depends(require_json)])
    def taken_back(body: TakeBack) -> dict[str, Any]:
        reader = signed(body.reader)
        with review.changing(body.patient) as known:
            row, studies = known.row(body.lesion), [study.id for study in known.studies]
            words = store.words_on(studies, body.lesion)
            _require_last(words[-1][1] if words else None, body.before, row.label)
            *earlier, (where, last) = words
            if earlier:
                refuse_target(*_as(known, body.lesion, earlier[-1][1].traits))
            store.undo(where, body.lesion, reader, of="traits")
        again = {name: getattr(last.traits, name) for name in ("role", "organ", "node")}
        before = earlier[-1][1].said_at if earlier else ""
        return _done(f"{row.label}: taken back ({last.words})", body.lesion, where, before) | {"again": again}

    return router


def _as(known: PatientReview, lesion_id: str, traits: Traits) -> tuple[dict[str, Followed], Followed]:
    """Return the patient's lesions as they are, and one of them as it is to be."""
    lesions = dict(lesion_graph([study.id for study in known.studies], known.records, known.fates).lesions)
    return lesions, replace(lesions[lesion_id], traits=traits)


def _done(words: str, lesion_id: str, study_id: str, before: str) -> dict[str, Any]:
    """Return what was done; `before` is what the next change, or an undo of this one, answers."""
    return {"done": words, "lesion": lesion_id, "studies": [study_id], "before": before}


def _require_last(last: SaidTraits | None, seen: str, name: str) -> None:
    if (last.said_at if last else "") != seen:
        what = f"{last.traits.words}, by {last.said_by or 'somebody'}" if last else "nothing, it was taken back"
        raise Changed(f"what {name} is was said by somebody else meanwhile ({what}): look again")
