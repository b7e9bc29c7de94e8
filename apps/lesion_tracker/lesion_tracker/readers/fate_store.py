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
Of = Literal["", "fate", "traits"]
"""What an undo takes back: the last word of any kind, on what became of a lesion, or on what it is."""

KINDS: Mapping[Of, type[Said] | tuple[type[Said], ...]] = {
    "": (SaidFate, SaidTraits),
    "fate": SaidFate,
    "traits": SaidTraits,
}


@dataclass(frozen=True)
class FateStep:
    """What a reader said of a lesion in a study, or took back.

    Args:
        who: the reader, "" for an unnamed one.
        when: ISO 8601.
        said: the word; None for an undo that found none.
        taken_back: it was taken back, not said.
    """

    who: str
    when: str
    said: Said | None
    taken_back: bool = False

    @property
    def words(self) -> str:
        """Who did what."""
        verb = "took back" if self.taken_back else "said"
        return f"{self.who or 'an unnamed reader'} {verb}: {self.said.words if self.said else 'nothing'}"


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
            )
            self._history(study_id).append([{"fate": whole.to_json()}])
        return whole

    def describe(self, study_id: str, lesion_id: str, traits: Traits, by: str) -> SaidTraits:
        """Keep and return role, organ and kind of a lesion; they hold in all studies, the last word counts.

        Raises:
            InputError: for a lesion that the study does not have.
        """
        with self._marks.transaction():
            if lesion_id not in self._marks.records(study_id).lesion_ids():
                raise InputError(f"there is no lesion {lesion_id!r} in study {study_id!r}")
            said = SaidTraits(lesion_id, traits, by, now())
            self._history(study_id).append([{"traits": said.to_json()}])
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
            require_own(done[-1].said_by, by, f"word on {lesion_id!r} in study {study_id!r}")
            self._history(study_id).append(
                [{"action": "undo", "lesion_id": lesion_id, "by": by, "at": now()} | ({"of": of} if of else {})]
            )
        return done[-1]

    def of_study(self, study_id: str) -> StudyFates:
        """Return what holds in a study, and what was said there."""
        known = self._read(study_id)
        fates = {name: one for name, words in known.said.items() for one in words if isinstance(one, SaidFate)}
        traits = {name: one for name, words in known.said.items() for one in words if isinstance(one, SaidTraits)}
        return StudyFates(fates, traits, known.steps)

    def words_on(self, study_ids: Iterable[str], lesion_id: str) -> list[tuple[str, SaidTraits]]:
        """Return what was said of what a lesion is and not taken back, oldest first, each with its study."""
        words = [(study, one) for study in study_ids for one in self._read(study).said.get(lesion_id, [])]
        said = [(study, one) for study, one in words if isinstance(one, SaidTraits)]
        return sorted(said, key=lambda word: word[1].said_at)

    def _read(self, study_id: str) -> "_Words":
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
class _Words:
    """What a history says: the words that nobody took back, and all steps, oldest first, both by lesion."""

    said: dict[str, list[Said]]
    steps: dict[str, list[FateStep]]


@dataclass(frozen=True)
class _Undo:
    lesion_id: str
    of: Of
    by: str
    at: str

    def place(self, words: Sequence[Said]) -> int:
        """Return the place of the word that it takes back; behind the last one where there is none."""
        meant = [k for k, word in enumerate(words) if isinstance(word, KINDS[self.of])]
        return meant[-1] if meant else len(words)


def traits_said(studies: Iterable[StudyFates]) -> dict[str, SaidTraits]:
    """Return what readers said last of each lesion, in whichever study they said it."""
    every = sorted((one for study in studies for one in study.traits.values()), key=lambda one: one.said_at)
    return {one.lesion_id: one for one in every}


def _replayed(history: History) -> _Words:
    known = _Words({}, {})
    for number, entry in enumerate(history.entries(), start=1):
        one = _read(entry, f"{history.path.name}, line {number}")
        words, steps = known.said.setdefault(one.lesion_id, []), known.steps.setdefault(one.lesion_id, [])
        if isinstance(one, _Undo):
            taken = words[(k := one.place(words)) : k + 1]
            del words[k : k + 1]
            steps.append(FateStep(one.by, one.at, taken[0] if taken else None, taken_back=True))
        else:
            words.append(one)
            steps.append(FateStep(one.said_by, one.said_at, one))
    return known


def _read(entry: Mapping[str, Any], where: str) -> Said | _Undo:
    if set(entry) == {"fate"}:
        return SaidFate.from_json(entry["fate"])
    if set(entry) == {"traits"}:
        return SaidTraits.from_json(entry["traits"])
    of = entry.get("of", "")
    if set(entry) - {"of"} == {"action", "lesion_id", "by", "at"} and entry["action"] == "undo" and of in KINDS:
        return _Undo(str(entry["lesion_id"]), of, str(entry["by"]), str(entry["at"]))
    raise FileFormatError(f"{where}: neither a fate, nor traits, nor an undo: {str(dict(entry))[:120]}")
