"""The store of what readers say became of lesions, and what these are: a history a study, beside its marks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.readers.history import History
from lesion_tracker.readers.lines import now, require_own
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.study_histories import FATES_TAG
from lesion_tracker.records.fate import FATES, MERGED
from lesion_tracker.records.followed import Traits
from lesion_tracker.records.said import SaidFate, SaidTraits

Said = SaidFate | SaidTraits
Of = Literal["", "fate"]
"""What an undo takes back: the last word of any kind, or on what became of a lesion."""


@dataclass(frozen=True)
class StudyFates:
    """What readers said in one study and did not take back, the last of each kind.

    Args:
        fates: by lesion id.
        traits: by lesion id.
    """

    fates: Mapping[str, SaidFate] = field(default_factory=dict)
    traits: Mapping[str, SaidTraits] = field(default_factory=dict)


class FateStore:
    """Fates and traits of lesions in `<folder>/fates/<study id>.jsonl`; a study without this file has none.

    Args:
        marks: the lesions that they are about; both lie in one folder and share its lock.
    """

    def __init__(self, marks: MarkStore) -> None:
        self._marks = marks

    def say(self, study_id: str, said: SaidFate) -> None:
        """Keep what became of a lesion in a study; `present` takes an earlier word back.

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
            )
            self._history(study_id).append([{"fate": whole.to_json()}])

    def describe(self, study_id: str, lesion_id: str, traits: Traits, by: str) -> None:
        """Keep role, organ and kind of a lesion; they hold in all studies, the last word counts.

        Raises:
            InputError: for a lesion that the study does not have.
        """
        with self._marks.transaction():
            if lesion_id not in self._marks.records(study_id).lesion_ids():
                raise InputError(f"there is no lesion {lesion_id!r} in study {study_id!r}")
            said = SaidTraits(lesion_id, traits, by, now())
            self._history(study_id).append([{"traits": said.to_json()}])

    def undo(self, study_id: str, lesion_id: str, by: str, of: Of = "") -> Said:
        """Take back the last thing that was said of a lesion in a study, if it was this reader; the history keeps both.

        Args:
            study_id: the study.
            lesion_id: the lesion.
            by: the reader.
            of: "fate": the last word on what became of it, whatever was said since of what it is.

        Returns:
            What was taken back.

        Raises:
            InputError: if there is nothing to take back.
            Changed: if the last word is another reader's.
        """
        with self._marks.transaction():
            done = [one for one in self._said(study_id).get(lesion_id, []) if not of or isinstance(one, SaidFate)]
            if not done:
                raise InputError(f"nobody has said anything of {lesion_id!r} in study {study_id!r}: nothing to undo")
            require_own(done[-1].said_by, by, f"word on {lesion_id!r} in study {study_id!r}")
            self._history(study_id).append(
                [{"action": "undo", "lesion_id": lesion_id, "by": by, "at": now()} | ({"of": of} if of else {})]
            )
        return done[-1]

    def of_study(self, study_id: str) -> StudyFates:
        """Return what holds in a study."""
        said = self._said(study_id)
        fates = {name: one for name, all_of in said.items() for one in all_of if isinstance(one, SaidFate)}
        traits = {name: one for name, all_of in said.items() for one in all_of if isinstance(one, SaidTraits)}
        return StudyFates(fates, traits)

    def _said(self, study_id: str) -> Mapping[str, list[Said]]:
        return self._marks.read(FATES_TAG, study_id, _replayed)

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


@dataclass(frozen=True)
class _Undo:
    lesion_id: str
    of: Of = ""

    def place(self, words: Sequence[Said]) -> int:
        """Return the place of the word that it takes back; behind the last one where there is none."""
        meant = [k for k, word in enumerate(words) if not self.of or isinstance(word, SaidFate)]
        return meant[-1] if meant else len(words)


def traits_said(studies: Iterable[StudyFates]) -> dict[str, SaidTraits]:
    """Return what readers said last of each lesion, in whichever study they said it."""
    every = sorted((one for study in studies for one in study.traits.values()), key=lambda one: one.said_at)
    return {one.lesion_id: one for one in every}


def _replayed(history: History) -> dict[str, list[Said]]:
    """Return what was said of each lesion and not taken back, oldest first."""
    said: dict[str, list[Said]] = {}
    for number, entry in enumerate(history.entries(), start=1):
        one = _read(entry, f"{history.path.name}, line {number}")
        if isinstance(one, _Undo):
            words = said.setdefault(one.lesion_id, [])
            said[one.lesion_id] = words[: (k := one.place(words))] + words[k + 1 :]
        else:
            said.setdefault(one.lesion_id, []).append(one)
    return said


def _read(entry: Mapping[str, Any], where: str) -> Said | _Undo:
    if set(entry) == {"fate"}:
        return SaidFate.from_json(entry["fate"])
    if set(entry) == {"traits"}:
        return SaidTraits.from_json(entry["traits"])
    of = entry.get("of", "")
    if set(entry) - {"of"} == {"action", "lesion_id", "by", "at"} and entry["action"] == "undo" and of in ("", "fate"):
        return _Undo(str(entry["lesion_id"]), of)
    raise FileFormatError(f"{where}: neither a fate, nor traits, nor an undo: {str(dict(entry))[:120]}")
