"""The store of what readers marked, what was tracked and what readers answered, per study, with its history."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lesion_tracker.errors import InputError
from lesion_tracker.readers.lines import action_line, again, line_on, now, require_own, same_correction, same_mark
from lesion_tracker.readers.replay import MarkState
from lesion_tracker.readers.study_histories import StudyHistories
from lesion_tracker.readers.volumes_of import UNKNOWN
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.derived import accepted
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.names import clean_name
from lesion_tracker.records.state import STATES
from lesion_tracker.records.track import Track


class MarkStore(StudyHistories):
    """What readers do to lesions: the current state is derived from the history.

    Of each lesion the last mark counts, of each lesion in a follow-up the last track, of each track the last correction.
    What a reader corrected or accepted in a follow-up is a lesion of that study, with the same id and tracking_uid.
    """

    def mark(self, study_id: str, lesions: Sequence[Lesion], on: str = UNKNOWN) -> list[Lesion]:
        """Add marks; a second mark of the same id updates it, and no lesions change nothing.

        A lesion keeps its tracking_uid and its name over updates, and takes both over from a track of the same id in
        this study, or from what was left behind; a new one keeps the tracking_uid that it comes with, or gets one.

        Args:
            study_id: the study that was marked.
            lesions: marks in LPS mm of that study.
            on: stamp of the volume on which they were set.

        Returns:
            All current lesions of the study.
        """
        with self.transaction():
            records = self.records(study_id)
            before = {lesion.id: lesion for lesion in records.lesions()}
            tracks = {track.lesion_id: track for track in records.tracks()}
            left = {one.lesion.id: one.lesion.tracking_uid for one in self.left_behind(study_id)}
            changed = []
            for sent in lesions:
                known = before.get(sent.id) or tracks.get(sent.id)
                lesion = sent if known else replace(sent, id=clean_name(sent.id), label=clean_name(sent.label))
                uid = (known.tracking_uid if known else "") or lesion.tracking_uid or left.get(lesion.id)
                name = known.label if known and known.label and lesion.label == lesion.id else lesion.label
                marked = replace(
                    lesion,
                    study_id=study_id,
                    tracking_uid=uid or f"2.25.{uuid.uuid4().int}",
                    label=name,
                    marked_at=lesion.marked_at or now(),
                )
                if not isinstance(known, Lesion) or not same_mark(known, marked):
                    changed.append(marked)
            self._add(study_id, lesions=[{"lesion": lesion.to_json(), **line_on(on)} for lesion in changed])
        return self.lesions(study_id)

    def lesions(self, study_id: str) -> list[Lesion]:
        """Return the current lesions of a study: marks, and what readers corrected or accepted there."""
        return self.records(study_id).lesions()

    def add_tracks(self, study_id: str, tracks: Sequence[Track], on: str = UNKNOWN) -> None:
        """Keep tracks that end in the study `study_id`, on the volume of a stamp; a deleted lesion counts again there."""
        with self.transaction():
            deleted = set(self.records(study_id).deleted())
            back = [track.lesion_id for track in tracks if track.lesion_id in deleted]
            self._add(
                study_id,
                tracks=[{"track": track.to_json(), **line_on(on)} for track in tracks],
                lesions=[{**action_line("restore", name, ""), **line_on(on)} for name in back],
            )

    def add_failures(self, study_id: str, lesion_ids: Sequence[str], reason: str) -> None:
        """Keep why lesions could not be tracked into a study."""
        failures = [Failure(name, reason, now()) for name in lesion_ids]
        with self.transaction():
            self._add(study_id, tracks=[{"failure": failure.to_json()} for failure in failures])

    def close(self, study_id: str, lesion_id: str, closing: str, by: str) -> None:
        """Keep that a reader closed a lesion in a study without a point.

        Args:
            study_id: where.
            lesion_id: a lesion of the patient; the study need not have it.
            closing: a name of `lesion_tracker.records.state.CLOSINGS`.
            by: the reader.
        """
        with self.transaction():
            self._add(study_id, lesions=[self._action(study_id, "close", lesion_id, by, **{"as": closing})])

    def tracks(self, study_id: str) -> list[Track]:
        """Return the last track of each lesion in a study."""
        return self.records(study_id).tracks()

    def correct(self, study_id: str, corrections: Sequence[Correction], on: str = UNKNOWN) -> list[Correction]:
        """Add corrections; one that repeats the last one of its lesion changes nothing.

        Args:
            study_id: the follow-up.
            corrections: readers' answers to tracks.
            on: stamp of the volume on which the points were set; "": those that the tracks end in.

        Returns:
            All current corrections of the study.
        """
        with self.transaction():
            records = self.records(study_id)
            before = {correction.track.lesion_id: correction for correction in records.corrections()}
            changed = [
                replace(correction, corrected_at=correction.corrected_at or now())
                for correction in corrections
                if not same_correction(before.get(correction.track.lesion_id), correction)
            ]
            entries = [(answer, on or records.stamp_of_track(answer.track.lesion_id)) for answer in changed]
            self._add(study_id, corrections=[{"correction": one.to_json(), **line_on(stamp)} for one, stamp in entries])
        return self.corrections(study_id)

    def corrections(self, study_id: str) -> list[Correction]:
        """Return the last correction (or acceptance) of each lesion in a study."""
        return self.records(study_id).corrections()

    def accept(self, study_id: str, lesion_ids: Sequence[str], by: str) -> list[Correction]:
        """Keep that a reader found tracked points right.

        Args:
            study_id: the follow-up.
            lesion_ids: lesions that were tracked there.
            by: the reader.

        Returns:
            All current corrections of the study.

        Raises:
            InputError: for a lesion that was not tracked there, or that has no point there; nothing is kept then.
        """
        with self.transaction():
            tracks = {track.lesion_id: track for track in self.tracks(study_id)}
            for name in lesion_ids:
                if name not in tracks:
                    raise InputError(f"{name} has not been tracked in study {study_id!r}: there is no point to accept")
                if not tracks[name].has_point:
                    raise InputError(
                        f"{name} in study {study_id!r} is {STATES[tracks[name].state].words}, so there is no point to "
                        "accept; if it is visible there, click it"
                    )
            chosen = [tracks[name] for name in lesion_ids]
            return self.correct(study_id, [accepted(track, by) for track in chosen])

    def rename(self, study_ids: Sequence[str], lesion_id: str, label: str, by: str) -> None:
        """Give a lesion another name in studies; its id and tracking_uid stay.

        Raises:
            InputError: for what cannot be a name, or a lesion that one of the studies does not have; nothing is kept then.
        """
        self._act(study_ids, "rename", lesion_id, by, label=clean_name(label))

    def delete(self, study_ids: Sequence[str], lesion_id: str, by: str) -> None:
        """Let a lesion of studies count no longer; `restore` and `undo` bring it back.

        Raises:
            InputError: for a lesion that one of the studies does not have; nothing is kept then.
        """
        self._act(study_ids, "delete", lesion_id, by)

    def restore(self, study_ids: Sequence[str], lesion_id: str, by: str) -> None:
        """Let a deleted lesion count again, with all that was known of it.

        Raises:
            InputError: for a lesion that is not deleted in one of the studies; nothing is kept then.
        """
        with self.transaction():
            for study_id in study_ids:
                if lesion_id not in self.records(study_id).deleted():
                    raise InputError(f"{lesion_id!r} is not deleted in study {study_id!r}: there is nothing to restore")
            self._write(study_ids, "restore", lesion_id, by)

    def undo(
        self, study_ids: Sequence[str], lesion_id: str, by: str, actions: Mapping[str, str] | None = None
    ) -> list[str]:
        """Take back the last thing that was done to a lesion in studies, if it was this reader; the history keeps both.

        Args:
            study_ids: in which studies.
            lesion_id: the lesion.
            by: the reader.
            actions: what is taken back, by study, as `StudyRecords.action` names it; None: whatever was last.

        Returns:
            What was taken back in each: "mark", "rename", "delete", "restore", "close", "corrected" or "accepted".

        Raises:
            InputError: if there is nothing to take back in one of the studies; nothing is kept then.
            Changed: if the last step in one of them is another reader's, or not the one that is named; nor then.
        """
        with self.transaction():
            lines, done = [], []
            for study_id in study_ids:
                records = self.records(study_id)
                last = records.last_action(lesion_id)
                if last is None:
                    raise InputError(
                        f"nobody has done anything to {lesion_id!r} in study {study_id!r}: nothing to undo"
                    )
                if isinstance(last, MarkState):
                    tag, whose, what = "lesions", last.by, last.what
                else:
                    tag, whose, what = "corrections", last.corrected_by, last.verdict
                if actions is not None and records.action(lesion_id) != actions.get(study_id):
                    raise records.changed(lesion_id)
                require_own(whose, by, f"step on {records.label(lesion_id)!r} in study {study_id!r} ({what})")
                lines.append((study_id, tag, [self._action(study_id, "undo", lesion_id, by)]))
                done.append(what)
            self._add_to(lines)
        return done

    def redo(self, actions: Mapping[str, str], lesion_id: str, by: str) -> list[str]:
        """Do again what a reader has taken back, where nothing was done since.

        Args:
            actions: the undo, by study, as `Step.action` names it.
            lesion_id: the lesion.
            by: the reader.

        Returns:
            What was done again in each study.

        Raises:
            Changed: if the last step in one of the studies is not that undo, or is another reader's; nothing is kept then.
        """
        with self.transaction():
            lines, done, at = [], [], now()
            for study_id, action in actions.items():
                records = self.records(study_id)
                last = next((one for one in reversed(records.steps(lesion_id)) if one.tag != "tracks"), None)
                if last is None or last.action != action or last.who != by or last.taken_back is None:
                    raise records.changed(lesion_id)
                former = last.taken_back
                lines.append((study_id, former.tag, [again(former.said, former.on, at)]))
                done.append(former.what)
            self._add_to(lines)
        return done

    def _act(self, study_ids: Sequence[str], action: str, lesion_id: str, by: str, **more: str) -> None:
        with self.transaction():
            for study_id in study_ids:
                if lesion_id not in self.records(study_id).lesion_ids():
                    raise InputError(f"there is no lesion {lesion_id!r} in study {study_id!r}")
            self._write(study_ids, action, lesion_id, by, **more)

    def _write(self, study_ids: Sequence[str], action: str, lesion_id: str, by: str, **more: str) -> None:
        """Write what a reader does to a lesion in several studies: the time that they share tells that it is one step."""
        more["at"] = now()
        self._add_to(
            [(study_id, "lesions", [self._action(study_id, action, lesion_id, by, **more)]) for study_id in study_ids]
        )

    def _action(self, study_id: str, action: str, lesion_id: str, by: str, **more: str) -> dict[str, str]:
        """Return the line of what a reader does to a lesion, on the volume that the study's id stands for."""
        return {**action_line(action, lesion_id, by, **more), **line_on(self.volumes(study_id).current)}
