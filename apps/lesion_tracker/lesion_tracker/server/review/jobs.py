"""Tracking all later studies of a patient: one job a patient, computed beside the requests, with its progress."""

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.sources import Source
from lesion_tracker.server.errors import refusal_or_raise
from lesion_tracker.server.followups import Followups
from lesion_tracker.server.review.requests import Direction
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import order_or_guess

logger = logging.getLogger(__name__)

MOST_JOBS = 200


@dataclass
class Job:
    """A job as it stands.

    Args:
        id: its name in the requests.
        patient_id: whose studies are tracked.
        total: studies to track.
        asked: patient, baseline, lesions and direction (or "carry", "measure"), as asked for.
        done: studies that are done, also those that failed.
        current: id of the study that is being tracked, or "".
        tracked: points that were found and kept, or measured.
        what: is done to points: "tracked" or "measured".
        messages: what a reader must know: a study that could not be tracked, and why.
    """

    id: str
    patient_id: str
    total: int
    asked: tuple[str, str, frozenset[str], str]
    done: int = 0
    current: str = ""
    tracked: int = 0
    what: str = "tracked"
    messages: list[str] = field(default_factory=list)
    future: "Future[None] | None" = None

    @property
    def state(self) -> str:
        """Say "running", "done" or "failed" (a fault of the server; its log says which)."""
        if self.future is None or not self.future.done():
            return "running"
        return "failed" if self.future.exception() else "done"


class TrackJobs:
    """Tracks patients' later studies, one patient after the other.

    Args:
        catalog: the studies.
        marks: what is marked.
        followups: finds lesions in follow-ups and keeps their tracks.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, followups: Followups) -> None:
        self._catalog, self._marks, self._followups = catalog, marks, followups
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="track all")

    def start(
        self,
        patient_id: str,
        baseline_id: str = "",
        lesion_ids: Sequence[str] = (),
        *,
        direction: Direction = "forwards",
        carry: bool = False,
    ) -> Job:
        """Track a patient's lesions in other studies; the same job that waits or runs already is returned.

        What a reader has answered in a study stays as it is, and is not tracked there. A refusal is kept with the lesion.

        Args:
            patient_id: whose studies.
            baseline_id: track every lesion from this study; "": from the newest earlier study with its point.
            lesion_ids: only these lesions; all without.
            direction: into the later studies, into those before the baseline (the nearest first), or into both.
            carry: only what was marked in the baseline before its file held another volume, over to that volume.

        Raises:
            InputError: for an unknown patient or study, if nothing is marked, or if no study is later.
        """
        studies, _ = order_or_guess(self._catalog.of_patient(patient_id))
        later = (
            self._named(patient_id, studies, baseline_id)
            if carry
            else self._others(patient_id, studies, baseline_id, direction)
        )
        asked = (patient_id, baseline_id, frozenset(lesion_ids), "carry" if carry else direction)
        job = Job(uuid.uuid4().hex, patient_id, len(later), asked)
        return self.submit(job, lambda: self._run(job, later, baseline_id, set(lesion_ids)))

    def submit(self, job: Job, work: Callable[[], None]) -> Job:
        """Let a job wait for its turn; the same job that waits or runs already is returned instead."""
        with self._lock:
            running = next((j for j in self._jobs.values() if j.asked == job.asked and j.state == "running"), None)
            if running:
                return running
            while len(self._jobs) >= MOST_JOBS:
                self._jobs.pop(next(iter(self._jobs)))
            self._jobs[job.id] = job
            job.future = self._pool.submit(work)
        job.future.add_done_callback(_log_fault)
        return job

    def get(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            NotFound: for an unknown one.
        """
        with self._lock:
            if job_id not in self._jobs:
                raise NotFound(f"there is no job {job_id!r}: the server was restarted, or it was long ago; start again")
            return self._jobs[job_id]

    def _others(self, patient_id: str, studies: Sequence[Study], baseline_id: str, direction: Direction) -> list[Study]:
        if not studies:
            raise InputError(f"no study of patient {patient_id!r} is known")
        names = [study.id for study in studies]
        if baseline_id:
            self._named(patient_id, studies, baseline_id)
        marked = [n for n, name in enumerate(names) if self._marks.lesions(name)]
        if not marked:
            raise InputError(f"nothing is marked in any study of patient {patient_id!r}: mark a lesion first")
        first = names.index(baseline_id) if baseline_id else marked[0]
        if baseline_id and first not in marked:
            raise InputError(f"nothing is marked in study {baseline_id!r}: mark its lesions first")
        before, later = list(studies[:first][::-1]), list(studies[first + 1 :])
        others = {"forwards": later, "backwards": before, "both": later + before}[direction]
        if not others:
            where = {"forwards": "after", "backwards": "before", "both": "beside"}[direction]
            raise InputError(f"patient {patient_id!r} has no study {where} {names[first]!r}: there is nothing to track")
        return others

    def _named(self, patient_id: str, studies: Sequence[Study], study_id: str) -> list[Study]:
        """Return a patient's study."""
        found = [study for study in studies if study.id == study_id]
        if not found:
            names = ", ".join(study.id for study in studies)
            raise InputError(f"study {study_id!r} is none of patient {patient_id!r}: {names}")
        return found

    def _run(self, job: Job, later: Sequence[Study], baseline_id: str, lesion_ids: set[str]) -> None:
        for study in later:
            job.current = study.id
            refused = said(job, study, partial(self._track, job, study, baseline_id, lesion_ids))
            if refused and job.asked[3] != "carry":
                self._marks.add_failures(study.id, sorted(self._unanswered(job, study, lesion_ids)), refused)
            job.done += 1
        job.current = ""

    def _track(self, job: Job, followup: Study, baseline_id: str, lesion_ids: set[str]) -> None:
        backward = job.asked[3] != "forwards"
        sources = self._followups.sources(followup, baseline_id, any_pair=False, backward=backward)
        records = self._marks.records(followup.id)
        answered = {lesion.id for lesion in records.lesions()} | set(records.closed())
        for source in sources:
            job.messages.extend(f"{followup.id}: {note}" for note in source.notes)
            asked = self._asked(source, answered, lesion_ids)
            if asked.lesions:
                refused = said(job, followup, partial(self._track_from, job, asked, followup))
                if refused:
                    self._marks.add_failures(followup.id, [lesion.id for lesion in asked.lesions], refused)

    def _asked(self, source: Source, answered: set[str], lesion_ids: set[str]) -> Source:
        """Return a source with those lesions that are asked for, without those that were deleted meanwhile."""
        without = answered | set(self._marks.records(source.study.id).deleted())
        return source.only(lambda one: one.id not in without and (not lesion_ids or one.id in lesion_ids))

    def _unanswered(self, job: Job, followup: Study, lesion_ids: set[str]) -> set[str]:
        """Return the patient's lesions that a reader has not answered in a study."""
        studies = self._catalog.of_patient(job.patient_id)
        known = {lesion.id for study in studies for lesion in self._marks.lesions(study.id)}
        records = self._marks.records(followup.id)
        answered = {lesion.id for lesion in records.lesions()} | set(records.closed()) | set(records.deleted())
        return {name for name in known - answered if not lesion_ids or name in lesion_ids}

    def _track_from(self, job: Job, source: Source, followup: Study) -> None:
        tracks, _ = self._followups.track([source], followup)
        job.tracked += len(tracks)


def said(job: Job, study: Study, work: Callable[[], None]) -> str:
    """Do a part of a job; where it is refused, or the machine lacks something, the job says why, and it is returned."""
    try:
        work()
    except Exception as error:
        refusal = refusal_or_raise(error)
        job.messages.append(f"{study.id}: {refusal.text}")
        logger.info("not tracked: %s: %s", study.id, refusal.text)
        return refusal.text
    return ""


def _log_fault(future: "Future[None]") -> None:
    if future.exception() is not None:
        logger.error("a fault of the server while tracking", exc_info=future.exception())
