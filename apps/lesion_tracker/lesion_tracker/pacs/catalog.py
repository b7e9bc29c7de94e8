"""The catalog of a PACS: the same questions as of a folder of studies, answered by queries."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from lesion_tracker.errors import InputError, StudyError, StudyOrderError
from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.studies.catalog import Catalog, unknown_study
from lesion_tracker.studies.one_patient import other_person
from lesion_tracker.studies.study import Study, parse_date
from lesion_tracker.studies.timeline import earlier_studies


class PacsCatalog(Catalog):
    """The studies of a PACS.

    Args:
        pacs: the PACS.
        used: returns the ids of all series with marks or tracks.
    """

    def __init__(self, pacs: Pacs, used: Callable[[], Collection[str]]) -> None:
        self._pacs, self._used = pacs, used

    @override
    def ids(self) -> list[str]:
        return self._pacs.records.ids()

    @override
    def study(self, image_id: object) -> Study:
        if not isinstance(image_id, str):
            raise InputError(f"{image_id!r} is no study id")
        study = self._pacs.study(image_id)
        if study is None:
            raise unknown_study(image_id)
        return self._as_given(study)

    @override
    def studies(self) -> list[Study]:
        """Return one series of each study of the PACS: one with marks or tracks, else the one with the most images."""
        return [self._representative(series) for series in _by_study(self._pacs.everything())]

    @override
    def problems(self) -> list[str]:
        return []

    @override
    def of_patient(self, patient_id: str) -> list[Study]:
        """Return all CT series of one patient that the PACS has now; none for an unknown patient ("")."""
        return self._of(Study(id="", path=Path(), patient_id=patient_id, study_date=""))

    @override
    def keep_info(self, study: Study, info: Mapping[str, Any]) -> None:
        self._pacs.records.give(study.id, info)

    @override
    def fetch(self, study: Study) -> Path:
        return self._pacs.fetch(study)

    @override
    def frame_of(self, study: Study) -> str:
        return self._pacs.frame_of(study)

    @override
    def siblings(self, study: Study) -> list[Study]:
        """Return the other CT series of a series' study, also those with marks that the PACS no longer has."""
        here = [other for other in self._of(study) if other.study_uid == study.study_uid]
        gone = [other for other in self._gone(study, here) if other.study_uid == study.study_uid]
        return [other for other in here + gone if other.id != study.id]

    @override
    def is_gone(self, study: Study) -> bool:
        return study.id not in {other.id for other in self._of(study)}

    @override
    def has_files(self, study: Study) -> bool:
        return not self.is_gone(study) or self._pacs.has_files(study)

    @override
    def gone(self, followup: Study) -> list[Study]:
        """Return the series of a follow-up's patient that have marks or tracks, but that the PACS no longer has."""
        return self._gone(followup, self._of(followup))

    @override
    def replacement(self, study: Study) -> tuple[Study, str]:
        there = [other for other in self._of(study) if other.study_uid == study.study_uid]
        if not there:
            raise StudyError(f"{study.describe()} has marked lesions, but the PACS no longer has that study")
        chosen, why = self._pacs.best_of(there)
        fact = f"the marked series {study.id} is no longer on the PACS; took {chosen.id} of the same study"
        return chosen, f"{fact}: {why}" if why else fact

    @override
    def baseline_of(self, followup: Study, is_marked: Callable[[str], bool]) -> Study:
        here = self._of(followup)
        others = [study for study in [*here, *self._gone(followup, here)] if study.study_uid != followup.study_uid]
        earlier = earlier_studies(followup, [study for study in others if is_marked(study.id)])
        if not earlier:
            raise StudyOrderError(_nothing_earlier(followup, others, self._pacs.others(followup)))
        newest = [study for study in earlier if study.study_uid == earlier[-1].study_uid]
        if any(study.id not in self._used() for study in newest):
            newest = [study for study in newest if not self._pacs.quality(study).problem]
        if len(newest) > 1 and not any(study.id in self._used() for study in newest):
            listed = "; ".join(study.describe() for study in newest)
            raise StudyOrderError(
                f"the points could belong to any of the series {listed}; name theirs in the request as baseline_image"
            )
        return newest[-1] if newest else earlier[-1]

    @override
    def to_register(self, study: Study) -> list[tuple[Study, str]]:
        """Return one series of each later study of the patient, earliest first, each with a sentence on the choice."""
        later = [other for other in self._of(study) if other.study_date > study.study_date]
        chosen = []
        for series in _by_study(sorted(later, key=lambda other: other.study_date)):
            try:
                chosen.append(self._pacs.best_of(series))
            except StudyError:
                continue
        return chosen

    def _of(self, study: Study) -> list[Study]:
        return [self._as_given(other) for other in self._pacs.timeline(study)]

    def _gone(self, study: Study, here: list[Study]) -> list[Study]:
        """Return the patient's series with marks or tracks that are not among those that are here."""
        missing = set(self._used()) - {other.id for other in here}
        known = (self._pacs.records.study(name, self._pacs.cache.path(name)) for name in sorted(missing))
        return [other for other in known if other and _same_person(other, study)]

    def _representative(self, series: list[Study]) -> Study:
        used = [study for study in series if study.id in self._used()]
        return used[0] if used else max(series, key=lambda study: (self._pacs.files_of(study), study.id))

    def _as_given(self, study: Study) -> Study:
        """Fill in what the PACS does not say, but a reader said."""
        given = self._pacs.records.given(study.id)
        date = str(given.get("date", ""))
        return replace(
            study,
            patient_id=study.patient_id or str(given.get("patient", "")),
            study_date=study.study_date or (parse_date(date) if date else ""),
        )


def _same_person(one: Study, other: Study) -> bool:
    return bool(one.patient_id) and one.patient_id == other.patient_id and not other_person(one, other)


def _by_study(series: list[Study]) -> list[list[Study]]:
    groups: dict[str, list[Study]] = {}
    for study in series:
        groups.setdefault(study.study_uid, []).append(study)
    return list(groups.values())


def _nothing_earlier(followup: Study, others: list[Study], strangers: list[str]) -> str:
    listed = "; ".join([study.describe() for study in others] + strangers)
    fact = f"the PACS has these: {listed}" if listed else "this is the only study of the patient on the PACS"
    return (
        f"no earlier study with marked lesions for {followup.describe()}; {fact}; mark the lesions in the earlier study "
        "(mark_lesion), or name it in the request as baseline_image"
    )
