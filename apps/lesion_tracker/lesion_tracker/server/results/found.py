"""Reports that lie in the PACS beside a study: what they offer, and what a reader takes over as marks and fates."""

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.series import series_of
from lesion_tracker.readers.fate_store import FateStore
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import rows_of
from lesion_tracker.records.fate import FATES, PRESENT
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.measurement import radius_of
from lesion_tracker.records.names import clean_name
from lesion_tracker.records.said import SaidFate
from lesion_tracker.report.dicom_results import is_dicom
from lesion_tracker.report.dicom_source import read_source
from lesion_tracker.report.dicom_sr_reading import FoundLesion, found_in_file
from lesion_tracker.report.found_match import Offer, offers
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.results.gather import Results
from lesion_tracker.server.review.patient_review import PatientReview
from lesion_tracker.server.review.review import Review
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.inside import require_inside

MOST_SERIES = 50
"""Of reports in one study: those listed last are looked at."""


@dataclass(frozen=True)
class Offered:
    """What the reports of a study offer.

    Args:
        offers: lesions that can be taken over.
        passed_over: a sentence on each measurement that cannot.
    """

    offers: tuple[Offer, ...]
    passed_over: tuple[str, ...]


class FoundReports:
    """Looks for reports in a PACS, and takes lesions over.

    Args:
        web: the PACS.
        results: knows the patients.
        review: knows which names are free.
        marks: where lesions are kept.
        engine: reads and fetches studies.
        bound: keeps marks to the volumes that they were made on.
    """

    def __init__(
        self, web: DicomWeb, results: Results, review: Review, marks: MarkStore, engine: Engine, bound: BoundMarks
    ) -> None:
        self._web, self._results, self._review = web, results, review
        self._marks, self._engine, self._bound = marks, engine, bound

    def offered(self, study: Study) -> Offered:
        """Return what the reports of this product and of OHIF offer that measure a series.

        Raises:
            InputError: for a series that is no gapless, orthogonal CT.
            PacsError: if the PACS does not answer.
        """
        path = self._results.path(study)
        if not is_dicom(path):
            return Offered((), ())
        source, lesions, passed_over = read_source(path), list[FoundLesion](), list[str]()
        with tempfile.TemporaryDirectory() as folder:
            for number, series_uid in enumerate(self._reports_of(study)):
                below = Path(folder) / str(number)
                below.mkdir()
                self._web.download(study.study_uid, series_uid, below)
                for file in sorted(below.iterdir()):
                    found = found_in_file(file, source)
                    lesions += found.lesions
                    passed_over += found.passed_over
        known = self._results.known(study)
        rows = rows_of([one.id for one in known.studies], known.records)
        return Offered(tuple(offers(lesions, rows, study.id)), tuple(dict.fromkeys(passed_over)))

    def take(self, study: Study, report_uid: str, tracking_uid: str, reader: str) -> str:
        """Take one lesion over, as it lies in the PACS now; returns which lesion it is.

        Args:
            study: the series.
            report_uid: SOPInstanceUID of the report.
            tracking_uid: of the lesion in that report.
            reader: who takes it over.

        Raises:
            NotFound: for what the reports do not offer (any more).
            InputError: for a fate of a lesion that the patient does not have.
        """
        wanted = report_uid, tracking_uid
        offer = next(
            (one for one in self.offered(study).offers if (one.found.report_uid, one.found.tracking_uid) == wanted),
            None,
        )
        if offer is None:
            raise NotFound(f"no report of {study.id} offers the lesion {tracking_uid[:64]!r} (any more): look again")
        fate = offer.found.fate
        if not FATES[fate].has_place and not offer.lesion_id:
            raise InputError(
                f"the patient has no lesion that could be {FATES[fate].words}: take it over in an earlier study"
            )
        name = self._mark(study, offer, reader) if FATES[fate].has_place else offer.lesion_id
        if fate != PRESENT.name:
            uid = self._uid_of(study, name) or tracking_uid
            FateStore(self._marks).say(study.id, SaidFate(name, fate, tracking_uid=uid, said_by=reader))
        return name

    def _mark(self, study: Study, offer: Offer, reader: str) -> str:
        found = offer.found
        volume, on = self._engine.stamped(study)
        self._bound.before_marking(study, on)
        radius = radius_of(found.long_axis_mm or 0.0)
        point = Lesion("new", found.center_mm, radius, patient_id=study.patient_id, marked_by=reader)
        require_inside([point], volume.grid, study.id)
        uid = (offer.lesion_id and self._uid_of(study, offer.lesion_id)) or found.tracking_uid
        with self._review.changing(study.patient_id) as known:
            name, label = (offer.lesion_id, offer.lesion_id) if offer.lesion_id else _new_name(known, found.name)
            lesion = Lesion(
                name, found.center_mm, radius, label, uid, study.patient_id, marked_by=reader, radius_source="given"
            )
            self._marks.mark(study.id, [lesion], on)
        self._bound.remember(study, volume, on)
        return name

    def _uid_of(self, study: Study, name: str) -> str:
        lesion = self._results.known(study).graph.lesions.get(name)
        return lesion.tracking_uid if lesion else ""

    def _reports_of(self, study: Study) -> list[str]:
        rows = map(series_of, self._web.search(f"studies/{study.study_uid}/series", {"Modality": "SR"}))
        found = [row.series_uid for row in rows if row.modality == "SR"]
        return list(dict.fromkeys(found))[-MOST_SERIES:]


def _new_name(known: PatientReview, wanted: str) -> tuple[str, str]:
    """Return a free id, and the name of the report where it is a name and free."""
    taken = {row.lesion_id for row in known.rows} | {one.lesion_id for one in known.deleted}
    name = next(f"lesion_{n}" for n in itertools.count(1) if f"lesion_{n}" not in taken)
    try:
        label = clean_name(wanted)
        known.require_free(label)
    except InputError:
        label = name
    return name, label
