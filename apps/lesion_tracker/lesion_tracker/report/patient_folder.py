"""A patient's results as a folder: a page to print, the table, JSON, pictures, and DICOM for the studies that are DICOM."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import lesion_tracker
from lesion_tracker.errors import InputError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.files.whole import refusals_of, write_text, written_whole
from lesion_tracker.places import PACKAGE
from lesion_tracker.report.course_chart import course_chart
from lesion_tracker.report.dicom_results import DicomResults
from lesion_tracker.report.measured_picture import course_picture
from lesion_tracker.report.patient_results import PatientResult, StudyResult
from lesion_tracker.report.patient_table import lesion_in_words, notes_of, results_csv, results_json
from lesion_tracker.report.response_table import response_table, shown_date
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.volume import Volume

PAGE, TABLE, VALUES = "report.html", "results.csv", "results.json"
ACROSS = 6
"""Studies side by side in a table: as many as an upright sheet of A4 holds."""

STYLE = PACKAGE / "report" / "patient_page.css"
ENVIRONMENT = Environment(
    loader=FileSystemLoader(PACKAGE / "report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def write_patient(
    folder: Path,
    patient: PatientResult,
    volume_of: Callable[[Study], Volume],
    dicom_of: Callable[[StudyResult], DicomResults],
    reader: str = "",
) -> list[str]:
    """Write everything into a folder; what an earlier report left there under the same names is replaced.

    Args:
        folder: made if it is not there.
        patient: what is known.
        volume_of: reads a study.
        dicom_of: makes a study's DICOM objects, or raises InputError with why there are none.
        reader: for whom, or "".

    Returns:
        A sentence on each study's DICOM.

    Raises:
        FileFormatError: for a folder that cannot be written to.
    """
    with refusals_of(folder):
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
    pictures = []
    for number, lesion in enumerate(patient.lesions, start=1):
        file = folder / "pictures" / f"lesion-{number}.png"
        with refusals_of(file), written_whole(file) as draft:
            course_picture(lesion.id, patient.studies, volume_of).save(draft, "PNG")
        pictures.append((lesion_in_words(patient, lesion.id), f"pictures/{file.name}"))
    told = [_dicom(folder, study, dicom_of) for study in patient.studies]
    write_json(results_json(patient), folder / VALUES)
    with refusals_of(folder / TABLE):
        write_text("\ufeff" + results_csv(patient), folder / TABLE)
        write_text(patient_page(patient, pictures, told, reader), folder / PAGE)
    return told


def _dicom(folder: Path, study: StudyResult, dicom_of: Callable[[StudyResult], DicomResults]) -> str:
    name = study.study.id
    try:
        made = dicom_of(study)
    except InputError as error:
        return f"{name}: no DICOM: {error}"
    target = folder / f"dicom-{name}"
    with refusals_of(target):
        target.mkdir(exist_ok=True)
        for what, dataset in made.files.items():
            with written_whole(target / f"{what}.dcm") as draft:
                dataset.save_as(draft, write_like_original=False)
    files = " and ".join(f"{what}.dcm" for what in made.files)
    rest = f"; left out: {'; '.join(made.left_out)}" if made.left_out else ""
    return f"{name}: {files} in {target.name}{rest}"


def patient_page(
    patient: PatientResult,
    pictures: Sequence[tuple[str, str]],
    dicom: Sequence[str] = (),
    reader: str = "",
    css_at: str = "",
    back: str = "",
) -> str:
    """Return the page to print.

    Args:
        patient: what is known.
        pictures: name and address of each.
        dicom: a sentence on each study's DICOM.
        reader: for whom, or "".
        css_at: address of the style sheet; "": it stands in the page.
        back: where a reader comes from, or "".
    """
    return ENVIRONMENT.get_template("patient_page.html").render(
        patient=patient,
        table=response_table(patient),
        across=ACROSS,
        chart=Markup(course_chart(patient)),
        day=shown_date,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        reader=reader,
        release=lesion_tracker.__version__,
        notes=notes_of(patient),
        pictures=pictures,
        dicom=dicom,
        css_at=css_at,
        css=Markup(STYLE.read_text(encoding="utf-8")),
        back=back,
    )
