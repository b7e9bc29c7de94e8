"""One study's lesions, tracks and corrections as they are now, read from its histories."""

import hashlib
from dataclasses import replace
from typing import Any

from lesion_tracker.errors import Changed
from lesion_tracker.readers.replay import MarkState
from lesion_tracker.readers.steps import Step, action_id, steps_of
from lesion_tracker.readers.study_lines import StudyLines
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.derived import answered_lesion, answered_mark
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track


class StudyRecords(StudyLines):
    """What is known about the lesions of one study, as far as it was said of one volume."""

    def lesions(self) -> list[Lesion]:
        """Return the study's lesions: its marks, and the points that readers corrected or accepted.

        Of a mark and a correction of the same lesion the later one counts; one that was closed since has no point.
        """
        closed = self.closed()
        answers = {answer.track.lesion_id: answer for answer in self.corrections()}
        marks = {
            name: self._named(state.mark) for name, state in self._alive().items() if state.mark and name not in closed
        }
        known = {
            name: answered_mark(mark, answers[name]) if name in answers and self.answer_counts(name) else mark
            for name, mark in marks.items()
        }
        new = {name: answered_lesion(answer, self._study_id) for name, answer in answers.items() if name not in marks}
        return [*known.values(), *new.values()]

    def tracks(self) -> list[Track]:
        """Return the last track of each lesion that counts."""
        deleted = self.deleted()
        return [
            self._named(track)
            for name, track in self._tracks.items()
            if name not in deleted and not self._superseded(name)
        ]

    def corrections(self) -> list[Correction]:
        """Return readers' last answer to each lesion that counts."""
        without = {*self.deleted(), *self.closed()}
        return [
            replace(answers[-1], track=self._named(answers[-1].track))
            for name, answers in self._corrections.items()
            if name not in without and not self._superseded(name) and self._is_current(answers[-1])
        ]

    def answer_counts(self, lesion_id: str) -> bool:
        """Say whether a reader's last answer to a track of a lesion came after its last mark here."""
        answers, state = self._stamped_corrections.get(lesion_id), self._last_mark(lesion_id)
        return answers is not None and (state is None or answers[-1][1].place > state.place)

    def deleted(self) -> list[str]:
        """Return the ids of lesions that were deleted here."""
        return [name for name, states in self._marks.items() if states[-1].deleted]

    def closed(self) -> dict[str, MarkState]:
        """Return the lesions that a reader closed here without a point, and has not answered since."""
        answered = {name: answers[-1][1].place for name, answers in self._stamped_corrections.items()}
        return {
            name: state
            for name, state in self._alive().items()
            if state.closed and answered.get(name, (0, "")) <= state.closed_place
        }

    def failures(self) -> dict[str, Failure]:
        """Return why lesions could not be tracked here when it was tried last."""
        deleted = self.deleted()
        return {name: failure for name, failure in self._tracked[1].items() if name not in deleted}

    def lesion_ids(self) -> set[str]:
        """Return the ids of all lesions that were marked, tracked or closed here and not deleted."""
        marked = {lesion.id for lesion in self.lesions()} | set(self.closed())
        return marked | {track.lesion_id for track in self.tracks()}

    def label(self, lesion_id: str) -> str:
        """Return the last name that a lesion had here, also a deleted one; its id where nobody gave it one."""
        states = self._marks.get(lesion_id)
        track = self._tracks.get(lesion_id)
        return (states[-1].label if states else "") or (track.label if track else "") or lesion_id

    def last_action(self, lesion_id: str) -> MarkState | Correction | None:
        """Return what a reader did last to a lesion and did not take back."""
        marks, answers = self._marks.get(lesion_id), self._stamped_corrections.get(lesion_id)
        if marks and answers:
            return answers[-1][0] if answers[-1][1].place > marks[-1].place else marks[-1]
        return marks[-1] if marks else answers[-1][0] if answers else None

    def action(self, lesion_id: str) -> str:
        """Return the name of what a reader did last to a lesion and did not take back, or ""."""
        marks, answers = self._marks.get(lesion_id), self._stamped_corrections.get(lesion_id)
        places = [*([marks[-1].place] if marks else []), *([answers[-1][1].place] if answers else [])]
        return action_id(max(places)) if places else ""

    def line_of_answer(self, lesion_id: str) -> int:
        """Return the number of the line by which a reader last marked, answered or closed a lesion; 0 without a number."""
        marks, answers = self._marks.get(lesion_id, []), self._stamped_corrections.get(lesion_id, [])
        own = [state.place for state in marks if state.what == "mark"] + [state.closed_place for state in marks[-1:]]
        return max((place[0] for place in [*own, *(stand.place for _, stand in answers[-1:])]), default=0)

    def steps(self, lesion_id: str) -> list[Step]:
        """Return all that was said of a lesion here, oldest first, also what was taken back."""
        lines = {tag: self._about(place, lesion_id) for place, tag in enumerate(("lesions", "tracks", "corrections"))}
        return steps_of(lesion_id, lines, self._holds)

    def require_seen(self, lesion_id: str, seen: str) -> None:
        """Refuse an answer to what no longer stands.

        Args:
            lesion_id: the lesion.
            seen: what `seen` gave when the reader looked.

        Raises:
            Changed: that says who has done what since.
        """
        if self.seen(lesion_id) != seen:
            raise self.changed(lesion_id)

    def changed(self, lesion_id: str) -> Changed:
        """Return the refusal of an answer to what no longer stands: it says who has done what since."""
        last = next((step for step in reversed(self.steps(lesion_id)) if step.what != "failure"), None)
        when = f" at {last.when[:16].replace('T', ' ')} UTC" if last and last.when else ""
        since = f"{last.words}{when}" if last else "nothing that was said of it counts any more"
        name = self.label(lesion_id)
        return Changed(f"{name} in {self._study_id} has changed since this page was loaded: {since}; look again")

    def seen(self, lesion_id: str) -> str:
        """Return a short text that changes with whatever is said of a lesion here: what a reader's click is about."""
        marks, answers = self._marks.get(lesion_id), self._stamped_corrections.get(lesion_id)
        track = self._stamped_tracks.get(lesion_id)
        places = [
            marks[-1].place if marks else None,
            answers[-1][1].place if answers else None,
            track[1].place if track else None,
        ]
        return hashlib.sha256(repr(places).encode()).hexdigest()[:16]

    def stamp_of(self, lesion_id: str) -> str:
        """Return the stamp of the volume on which a lesion's point was set: by its last mark or answer."""
        done = self.last_action(lesion_id)
        if isinstance(done, MarkState) and done.mark is not None:
            return done.on
        answers = self._stamped_corrections.get(lesion_id)
        return answers[-1][1].on if answers else self.stamp_of_track(lesion_id)

    def stamp_of_track(self, lesion_id: str) -> str:
        """Return the stamp of the volume that a lesion's last track ends in."""
        return self._stamped_tracks[lesion_id][1].on if lesion_id in self._stamped_tracks else ""

    def is_unbound(self) -> bool:
        """Say whether a point counts here that was stored before it was kept on which volume it is."""
        marks = (states[-1].on for states in self._marks.values() if states[-1].mark is not None)
        tracks = (stand.on for _, stand in self._stamped_tracks.values())
        return "" in {*marks, *tracks, *(known[-1][1].on for known in self._stamped_corrections.values())}

    def superseded_track(self, answer: Correction) -> Track | None:
        """Return the track that was made after a reader's answer to an earlier one, if there is one."""
        track = self._tracks.get(answer.track.lesion_id)
        return None if track is None or track.created_at == answer.track.created_at else track

    def _alive(self) -> dict[str, MarkState]:
        return {name: states[-1] for name, states in self._marks.items() if not states[-1].deleted}

    def _last_mark(self, lesion_id: str) -> MarkState | None:
        """Return the line of a lesion's last mark, or None; what was done to it since has places of its own."""
        return next((state for state in reversed(self._marks.get(lesion_id, ())) if state.what == "mark"), None)

    def _superseded(self, lesion_id: str) -> bool:
        """Say whether another lesion was marked under a track's id after it."""
        states, known = self._marks.get(lesion_id), self._stamped_tracks.get(lesion_id)
        mark = states[-1].mark if states and not states[-1].deleted else None
        last = self._last_mark(lesion_id)
        if mark is None or last is None or known is None:
            return False
        return _differ(known[0].tracking_uid, mark.tracking_uid) and known[1].place < last.place

    def _is_current(self, answer: Correction) -> bool:
        """Say whether an answer is about the lesion that bears its id today."""
        track = self._tracks.get(answer.track.lesion_id)
        return track is None or not _differ(answer.track.tracking_uid, track.tracking_uid)

    def _named(self, record: Any) -> Any:
        """Return a lesion or track with the name that a reader gave it here."""
        name = record.id if isinstance(record, Lesion) else record.lesion_id
        states = self._marks.get(name)
        label = (states[-1].label if states else "") or record.label
        return record if label == record.label else replace(record, label=label)


def _differ(uid: str, other: str) -> bool:
    return bool(uid) and bool(other) and uid != other
