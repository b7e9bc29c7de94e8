"""Which lesions of which earlier series a follow-up is tracked from; points pass between series only in one frame.

Each lesion is tracked from the newest earlier study in which a reader has put its point.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from lesion_tracker.errors import FileFormatError, InputError, StudyError, StudyOrderError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import natural_order
from lesion_tracker.records.derived import SAME_FRAME, passed_on
from lesion_tracker.records.json_record import Point
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.one_patient import pair_facts, require_pair
from lesion_tracker.studies.study import Study
from lesion_tracker.studies.timeline import earlier_studies, order_or_guess
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume

OPTION = "baseline_image"
"""Of a request: whoever names a baseline means it."""

Contains = Callable[[Study, Lesion], bool]


@dataclass(frozen=True, eq=False)
class Former:
    """What a series' file held before.

    Args:
        grid: where its voxels lay.
        volume: the voxels; None: those that it holds now, whose header was corrected.
    """

    grid: Grid
    volume: Volume | None = None


@dataclass(frozen=True)
class Source:
    """Lesions and the series that they are tracked from.

    Args:
        study: the series.
        lesions: centres in LPS mm of it.
        notes: what a reader should know of the choice.
        former: what the series' file held when they were marked; None: what it holds now.
        between: readers' points in the studies between the series and the follow-up, by study id and lesion id, LPS mm.
    """

    study: Study
    lesions: list[Lesion]
    notes: list[str] = field(default_factory=list)
    former: Former | None = None
    between: Mapping[str, Mapping[str, Point]] = field(default_factory=dict)

    def only(self, wanted: Callable[[Lesion], bool]) -> "Source":
        """Return the source with those of its lesions that are wanted."""
        return replace(self, lesions=[lesion for lesion in self.lesions if wanted(lesion)])

    def noted(self, notes: Sequence[str]) -> "Source":
        """Return the source with more that a reader should know."""
        return replace(self, notes=[*self.notes, *notes])

    def told(self, track: Track) -> Track:
        """Return a track of one of the lesions with the points of readers that were there when it was made."""
        points = {study_id: of[track.lesion_id] for study_id, of in self.between.items() if track.lesion_id in of}
        return track.with_changes(between=points)


@dataclass(frozen=True)
class Known:
    """What sources are looked for in.

    Args:
        catalog: the studies.
        marks: what is marked.
        contains: says whether a lesion lies inside a series.
        settled: finds out which volume a study's id stands for, and returns what a reader should know of its marks.
    """

    catalog: Catalog
    marks: MarkStore
    contains: Contains
    settled: Callable[[Study], Sequence[str]] = lambda _: ()

    def source(self, study: Study) -> Source:
        """Return the lesions of a study that were marked on the volume that is there now; its notes name the others."""
        notes = [] if self.catalog.is_gone(study) else list(self.settled(study))
        return Source(study, self.marks.lesions(study.id), notes)

    def with_between(self, source: Source, followup: Study) -> Source:
        """Return a source with the points that readers have put into the studies between it and the follow-up.

        Those of a study whose file is damaged are not known; the page names that file.
        """
        in_order, _ = order_or_guess(self.catalog.of_patient(followup.patient_id))
        names = [study.id for study in in_order]
        if not {source.study.id, followup.id} <= set(names):
            return source
        first, last = sorted((names.index(source.study.id), names.index(followup.id)))
        between: dict[str, Mapping[str, Point]] = {}
        for name in names[first + 1 : last]:
            with suppress(FileFormatError):
                between[name] = {lesion.id: lesion.center_mm for lesion in self.marks.lesions(name)}
        return replace(source, between=between)


def sources_of(
    known: Known,
    followup: Study,
    named: str,
    given: Sequence[Lesion],
    *,
    any_pair: bool = True,
    backward: bool = False,
) -> list[Source]:
    """Return what a follow-up is tracked from, the newest study first.

    Args:
        known: studies and marks.
        followup: the study that is open.
        named: `baseline_image` of the request, or "".
        given: lesions of the request; they belong to the baseline.
        any_pair: a named baseline may be another patient's, or the later study; its notes then say so.
        backward: a named baseline may be the later study.

    Raises:
        InputError: if there is nothing to track from; the text says what to do.
    """
    catalog, marks = known.catalog, known.marks
    if named:
        baseline = catalog.study(named)
        if baseline.id == followup.id:
            raise InputError(f"baseline_image and image are the same study, {followup.id!r}")
        notes = require_pair(baseline, followup, OPTION, allowed=any_pair, backward=backward)
        source = Source(baseline, list(given)) if given else known.source(baseline)
        return [(source if source.lesions else _from_siblings(known, source, followup)).noted(notes)]
    if given:
        baseline = catalog.baseline_of(followup, lambda name: True)
        return [Source(baseline, list(given)).noted(require_pair(baseline, followup, OPTION, allowed=False))]
    try:
        groups = _by_baseline(known, followup)
    except StudyOrderError:
        siblings = catalog.siblings(followup)
        own_study = [other for other in siblings if marks.lesions(other.id) and not catalog.is_gone(other)]
        if not own_study:
            raise
        groups = [known.source(own_study[-1])]
    return [_still_there(known, source) for source in groups]


def passed_on_from(source: Source, followup: Study, contains: Contains) -> list[Track]:
    """Return the lesions of one series as they are in another series of the same study and frame of reference."""
    return [passed_on(lesion, source.study.id, followup.id, contains(followup, lesion)) for lesion in source.lesions]


def same_place(catalog: Catalog, one: Study, other: Study) -> bool:
    """Say whether points of one series are points of the other: the same study and the same frame of reference."""
    if not one.study_uid or one.study_uid != other.study_uid:
        return False
    frame = catalog.frame_of(one)
    return bool(frame) and frame == catalog.frame_of(other)


def _by_baseline(known: Known, followup: Study) -> list[Source]:
    """Return the earlier studies that lesions are tracked from, the newest first, each with its lesions.

    A lesion that was corrected or accepted in the second study is tracked from there into the third one; a lesion that
    has a point only in the first study is tracked from the first. A study of another person with the same PatientID is
    left out, which is said.

    Raises:
        StudyOrderError: if there is no earlier study with lesions, or the order cannot be decided.
        InputError: if all of them are of other persons.
    """
    catalog, marks = known.catalog, known.marks
    there = [*catalog.of_patient(followup.patient_id), *catalog.gone(followup)]
    others = [study for study in there if study.id != followup.id]
    candidates = [study for study in others if marks.lesions(study.id) or marks.left_behind(study.id)]
    earlier = earlier_studies(followup, candidates) if candidates else []
    earlier = earlier or [catalog.baseline_of(followup, lambda name: bool(marks.lesions(name)))]  # says what is missing
    taken: set[str] = set()
    groups: list[Source] = []
    said: list[str] = []
    for study in reversed(earlier):
        facts = pair_facts(study, followup)
        if facts.refusals:
            said += [f"study {study.id} was left out: {fact}" for fact in facts.refusals]
            continue
        source = known.source(study)
        said += source.notes
        lesions = [lesion for lesion in source.lesions if lesion.id not in taken]
        taken |= {lesion.id for lesion in lesions}
        if lesions:
            in_order = sorted(lesions, key=lambda lesion: natural_order(lesion.id))
            groups.append(Source(study, in_order).noted(facts.warnings))
    if not groups:
        require_pair(earlier[-1], followup, OPTION, allowed=False)
        raise InputError(f"there is nothing to track {followup.id} from: {'; '.join(said)}")
    return [groups[0].noted(said), *groups[1:]]


def _from_siblings(known: Known, nothing: Source, followup: Study) -> Source:
    """Return the marks of other series of a named baseline's study, where their points are points of it."""
    catalog, baseline = known.catalog, nothing.study
    marked = known.marks.studies("lesions")
    others = [other for other in catalog.siblings(baseline) if other.id in marked and other.id != followup.id]
    passing = [other for other in others if same_place(catalog, other, baseline)]
    lesions = {lesion.id: lesion for other in passing for lesion in known.source(other).lesions}
    inside = [replace(lesion, study_id=baseline.id) for lesion in lesions.values() if known.contains(baseline, lesion)]
    if inside:
        names = ", ".join(other.id for other in passing)
        return Source(baseline, inside, [f"the lesions were marked in {names} of the same study ({SAME_FRAME})"])
    hint = f"; marked are {', '.join(other.id for other in others)} of the same study" if others else ""
    hint += "".join(f"; {note}" for note in nothing.notes)
    raise InputError(f"nothing is marked in {baseline.describe()}: mark its lesions first (mark_lesion){hint}")


def _still_there(known: Known, source: Source) -> Source:
    """Return a source, in another series of the same study if the marked one is gone.

    Raises:
        StudyError: if the points cannot pass to what is left of the study.
    """
    catalog, study = known.catalog, source.study
    if not catalog.is_gone(study):
        return source
    other, note = catalog.replacement(study)
    if same_place(catalog, study, other) and all(known.contains(other, lesion) for lesion in source.lesions):
        moved = [replace(lesion, study_id=other.id) for lesion in source.lesions]
        return replace(source, study=other, lesions=moved).noted([note])
    if catalog.has_files(study):
        fact = f"the marked series {study.id} is no longer on the PACS; its copy in the cache was registered"
        return source.noted([f"{fact}, because series {other.id} has another frame of reference"])
    raise StudyError(
        f"{', '.join(lesion.id for lesion in source.lesions)}: marked in series {study.id}, which is gone, and the points "
        f"cannot pass to series {other.id} of the same study: another frame of reference, or outside of it. Mark them there"
    )
