"""The store of what readers say became of lesions, and what these are: a history a study, beside its marks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lesion_tracker.errors import InputError
from lesion_tracker.readers.fate_lines import KINDS, FateLine, FateStep, Of, Said, Words, read_fates, replay_fates
from lesion_tracker.readers.history import History
from lesion_tracker.readers.lines import action_line, line_on, now, require_own
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.study_histories import FATES_TAG
from lesion_tracker.readers.volumes_of import UNKNOWN
from lesion_tracker.records.fate import FATES, MERGED
from lesion_tracker.records.followed import Traits
from lesion_tracker.records.said import SaidFate, SaidTraits


@dataclass(frozen=True)
class StudyFates:
    """What readers said in one study.

    Args:
        fates: the last that nobody took back, by lesion id.
        traits: likewise.
        steps: all that they said and took back, oldest first, by lesion id.
    """

    fates: Mapping[str, SaidFate] = field(default_factory=dict)
    traits: Mapping[str, SaidTraits] = field(default_factory=dict)
    steps: Mapping[str, Sequence[FateStep]] = field(default_factory=dict)


class FateStore:
    """Fates and traits of lesions in `<folder>/fates/<study id>.jsonl`; a study without this file has none.

    A fate is about the volume that it was said on, as a mark is; traits are about the lesion.

    Args:
        marks: the lesions that they are about; both lie in one folder and share its lock.
    """

    def __init__(self, marks: MarkStore) -> None:
        self._marks = marks

    def say(self, study_id: str, said: SaidFate) -> SaidFate:
        """Keep and return what became of a lesion in a study; `present` takes an earlier word back.

        Args:
            study_id: the study.
            said: a lesion that is neither marked nor tracked here needs its tracking_uid.

        Raises:
            InputError: for a lesion, or another one that it names, that the study does not have, lesions that would be
                merged in a ring, or a part that another lesion has split into.
        """
        with self._marks.transaction():
            records = self._marks.records(study_id)
            uids = {one.id: one.tracking_uid for one in records.lesions()}
            uids = {one.lesion_id: one.tracking_uid for one in records.tracks()} | uids
            for name in (*([] if said.tracking_uid else [said.lesion_id]), *said.others):
                if name not in uids:
                    raise InputError(f"there is no lesion {name!r} in study {study_id!r}: mark it there first")
            self._refuse_knots(said, self.of_study(study_id).fates)
            whole = replace(
                said,
                tracking_uid=uids.get(said.lesion_id) or said.tracking_uid,
                said_at=said.said_at or now(),
                after=self._marks.last_line(study_id),
            )
            self._add(study_id, {"fate": whole.to_json(), **line_on(self._marks.volumes(study_id).current)})
        return whole

    def describe(
        self, study_id: str, lesion_id: str, traits: Traits, by: str, after: SaidTraits | None = None
    ) -> SaidTraits:
        """Keep and return role, organ and kind of a lesion; they hold in all studies, the last word counts.

        Args:
            study_id: the study.
            lesion_id: the lesion.
            traits: what it is.
            by: the reader.
            after: the last word on it in all studies, behind which this one stands, whatever the clock says.

        Raises:
            InputError: for a lesion that the study does not have.
        """
        with self._marks.transaction():
            if lesion_id not in self._marks.records(study_id).lesion_ids():
                raise InputError(f"there is no lesion {lesion_id!r} in study {study_id!r}")
            own = self.of_study(study_id).traits.get(lesion_id)
            turn = max((one.turn + 1 for one in (own, after) if one), default=0)
            said = SaidTraits(lesion_id, traits, by, now(), turn)
            self._add(study_id, {"traits": said.to_json()})
        return said

    def undo(self, study_id: str, lesion_id: str, by: str, of: Of = "") -> Said:
        """Take back the last thing that was said of a lesion in a study, if it was this reader; the history keeps both.

        Args:
            study_id: the study.
            lesion_id: the lesion.
            by: the reader.
            of: "fate", "traits": the last word on what became of it, or on what it is, whatever else was said since.

        Returns:
            What was taken back.

        Raises:
            InputError: if there is nothing to take back.
            Changed: if the last word is another reader's.
        """
        with self._marks.transaction():
            done = [one for one in self._read(study_id).said.get(lesion_id, []) if isinstance(one, KINDS[of])]
            if not done:
                raise InputError(f"nobody has said anything of {lesion_id!r} in study {study_id!r}: nothing to undo")
            name = self._marks.records(study_id).label(lesion_id)
            require_own(done[-1].said_by, by, f"word on {name!r} in study {study_id!r}")
            on = line_on(self._marks.volumes(study_id).current if isinstance(done[-1], SaidFate) else UNKNOWN)
            self._add(study_id, {**action_line("undo", lesion_id, by), **({"of": of} if of else {}), **on})
        return done[-1]

    def of_study(self, study_id: str) -> StudyFates:
        """Return what holds in a study, and what was said there."""
        known = self._read(study_id)
        fates = {name: one for name, words in known.said.items() for one in words if isinstance(one, SaidFate)}
        traits = {name: one for name, words in known.said.items() for one in words if isinstance(one, SaidTraits)}
        return StudyFates(fates, traits, known.steps)

    def left_behind(self, study_id: str) -> dict[str, str]:
        """Return the lesions whose last fate was said of another volume than the id stands for now, and not said again.

        Returns:
            By lesion id, how the present volume differs from that one, in words.
        """
        volumes, present = self._marks.volumes(study_id), self.of_study(study_id).fates
        lines = [line for line in self._lines(study_id) if not line.counts(volumes.holds)]
        former = replay_fates(line.one for line in lines).said
        stamps = {line.one.lesion_id: line.on or UNKNOWN for line in lines}
        return {
            name: volumes.difference(stamps[name]) for name, words in former.items() if words and name not in present
        }

    def words_on(self, study_ids: Iterable[str], lesion_id: str) -> list[tuple[str, SaidTraits]]:
        """Return what was said of what a lesion is and not taken back, oldest first, each with its study."""
        words = [(study, one) for study in study_ids for one in self._read(study).said.get(lesion_id, [])]
        said = [(study, one) for study, one in words if isinstance(one, SaidTraits)]
        return sorted(said, key=lambda word: word[1].order)

    def _read(self, study_id: str) -> "Words":
        """Return what counts for the volume that the study's id stands for now; what lesions are holds on any."""
        holds = self._marks.volumes(study_id).holds
        return replay_fates(line.one for line in self._lines(study_id) if line.counts(holds))

    def _lines(self, study_id: str) -> "list[FateLine]":
        return self._marks.read(FATES_TAG, study_id, read_fates)

    def _add(self, study_id: str, line: dict[str, Any]) -> None:
        self._marks.require_there(study_id)
        self._history(study_id).append([line])

    def _refuse_knots(self, said: SaidFate, before: Mapping[str, SaidFate]) -> None:
        after = {name: one for name, one in before.items() if name != said.lesion_id} | {said.lesion_id: said}
        host, passed = said.lesion_id, [said.lesion_id]
        while host in after and after[host].fate == MERGED.name:
            host = after[host].others[0]
            if host in passed:
                raise InputError(f"{' into '.join([*passed, host])}: lesions cannot be merged in a ring")
            passed.append(host)
        for name, one in before.items():
            double = set(one.others) & set(said.others)
            if name != said.lesion_id and FATES[one.fate].others == FATES[said.fate].others == "several" and double:
                raise InputError(f"{min(double)!r} is a part of {name!r} already: a part has one parent")

    def _history(self, study_id: str) -> History:
        return self._marks.history(FATES_TAG, study_id)


def traits_said(studies: Iterable[StudyFates]) -> dict[str, SaidTraits]:
    """Return what readers said last of each lesion, in whichever study they said it."""
    every = sorted((one for study in studies for one in study.traits.values()), key=lambda one: one.order)
    return {one.lesion_id: one for one in every}
