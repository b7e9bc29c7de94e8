"""A study's results into the PACS: only where the operator allows it, only when a reader asks, only what a reader looked at."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from lesion_tracker.errors import InputError, NotReady
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.storing import Instance, store
from lesion_tracker.report.dicom_results import file_of
from lesion_tracker.server.results.gather import Results
from lesion_tracker.studies.study import Study


@dataclass(frozen=True)
class Stored:
    """What became of a study's results.

    Args:
        stored: SOPInstanceUIDs that were stored now.
        there: those that the PACS had already: nothing has changed since.
        left_out: a sentence for each lesion that is not in them.
    """

    stored: tuple[str, ...]
    there: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def words(self) -> str:
        """What the reader is told."""
        number = len(self.stored)
        done = f"{number} stored in the PACS" if number else "the PACS has these results already"
        return done + (f"; left out: {'; '.join(self.left_out)}" if self.left_out else "")


def store_results(results: Results, web: DicomWeb, study: Study, reader: str, *, allowed: bool) -> Stored:
    """Store the report and the masks of a study; the same content is stored once.

    Args:
        results: measures the study.
        web: the PACS.
        study: one of its series.
        reader: who asks.
        allowed: whether the operator lets this server write to the PACS.

    Raises:
        NotReady: where the operator does not.
        InputError: without a reader's name, or if no lesion can be written.
        PacsError: if the PACS does not take them.
    """
    if not allowed:
        raise NotReady("this server writes nothing to the PACS: its operator can allow it (--conf pacs_write true)")
    if not reader:
        raise InputError("say who you are: results that go to the PACS name their reader")
    made = results.dicom(study, reader, confirmed=True)
    done = store(web, [_instance(one) for one in made.files.values()])
    new, old = (tuple(uid for uid, now in done.items() if now is wanted) for wanted in (True, False))
    return Stored(new, old, made.left_out)


def _instance(one: Dataset) -> Instance:
    return Instance(str(one.StudyInstanceUID), str(one.SeriesInstanceUID), str(one.SOPInstanceUID), file_of(one))
