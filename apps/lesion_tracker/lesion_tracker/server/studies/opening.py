"""The studies that a server was started on, a folder or a PACS, and the folder of the marks on them."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from monailabel.config import settings as monailabel_settings
from monailabel.interfaces.datastore import Datastore

from lesion_tracker.errors import InputError
from lesion_tracker.files.disk_cache import DiskCache
from lesion_tracker.pacs.catalog import PacsCatalog
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.pacs.series_records import SeriesRecords
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.server.engine import reading
from lesion_tracker.server.studies.datastore import StudyFolder
from lesion_tracker.server.studies.pacs_datastore import PacsDatastore
from lesion_tracker.server.studies.series_files import SeriesFiles
from lesion_tracker.settings import Settings
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.folder_catalog import FolderCatalog
from lesion_tracker.studies.folder_index import FolderIndex
from lesion_tracker.volumes.writer import write_volume

logger = logging.getLogger(__name__)

MIB = 1024 * 1024


@dataclass(frozen=True)
class OpenedStudies:
    """Studies and what is kept of them.

    Args:
        datastore: MONAI Label's view of them.
        catalog: ours.
        marks: what readers marked, what was tracked, what readers answered.
        folder: what a server keeps lies below it.
        pacs: where the studies are; None: in a folder.
    """

    datastore: Datastore
    catalog: Catalog
    marks: MarkStore
    folder: Path
    pacs: Pacs | None = None


def open_studies(address: str, settings: Settings, *, read_only: bool = False) -> OpenedStudies:
    """Open a folder of studies, or a PACS, of which nothing is asked yet.

    Args:
        address: path of a folder, or base address of a DICOMweb server.
        settings: of this server.
        read_only: leave a folder's list of studies alone: a server may be at work there.

    Raises:
        InputError: for a kind of server that is not spoken to, or if marks could not be kept.
    """
    try:
        on_a_pacs = address.startswith(("http://", "https://"))
        return _on_a_pacs(address, settings) if on_a_pacs else _in_a_folder(address, settings, read_only)
    except OSError as error:
        raise InputError(
            f"the server cannot start on {address}: {error.strerror or error} ({error.filename or 'no file named'}); "
            "marks are kept in the folder of the studies (of a PACS: --conf data_dir), which must be writable"
        ) from error


def _in_a_folder(address: str, settings: Settings, only_read: bool) -> OpenedStudies:
    folder, read_only = Path(address), only_read or bool(monailabel_settings.MONAI_LABEL_DATASTORE_READ_ONLY)
    cache = settings.cache_dir or folder / ".lesion_tracker"
    accepted = {"any_modality": settings.any_modality, "reformats": settings.reformats}
    index = FolderIndex(folder, None if read_only else cache / "series.json", **accepted)
    marks = MarkStore(folder / "labels", lambda study_id: study_id in index.entries())
    files = SeriesFiles(cache / "series", settings.pacs_cache_mb * MIB, reading(settings).volume)
    auto_reload = not only_read and monailabel_settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD
    datastore = StudyFolder(index, marks.retire, files.file_of, auto_reload=auto_reload, read_only=read_only)
    if only_read:
        datastore.refresh()
    return OpenedStudies(datastore, FolderCatalog(datastore, marks.in_use), marks, folder)


def _on_a_pacs(address: str, settings: Settings) -> OpenedStudies:
    pacs, folder = open_pacs(address, settings)
    marks = MarkStore(folder / "labels")
    read = reading(settings).volume
    datastore = PacsDatastore(pacs, lambda series, file: write_volume(read(series), file))
    return OpenedStudies(datastore, PacsCatalog(pacs, marks.in_use), marks, folder, pacs)


def open_pacs(address: str, settings: Settings) -> tuple[Pacs, Path]:
    """Return a PACS, without asking it anything yet, and the folder of its marks.

    Login, prefixes and the cache's folder are MONAI Label's own settings, because the proxy that OHIF reads through
    uses them, too. Marks are no cache: their folder is another one.

    Args:
        address: base address of the DICOMweb server.
        settings: of this server.

    Raises:
        InputError: for a kind of server that is not spoken to.
    """
    if monailabel_settings.MONAI_LABEL_DATASTORE:
        kind = monailabel_settings.MONAI_LABEL_DATASTORE
        raise InputError(f"MONAI_LABEL_DATASTORE is {kind!r}: only DICOMweb servers and folders are read; unset it")
    user, password = (
        monailabel_settings.MONAI_LABEL_DICOMWEB_USERNAME,
        monailabel_settings.MONAI_LABEL_DICOMWEB_PASSWORD,
    )
    web = DicomWeb(
        address.strip(),
        login=(user, password) if user else None,
        timeout_s=settings.pacs_timeout_s,
        download_s=settings.pacs_download_s,
        answer_mb=settings.pacs_answer_mb,
        series_mb=settings.pacs_series_mb,
        qido_prefix=monailabel_settings.MONAI_LABEL_QIDO_PREFIX or "",
        wado_prefix=monailabel_settings.MONAI_LABEL_WADO_PREFIX or "",
    )
    name = hashlib.sha256(web.address.encode()).hexdigest()[:16]
    caches = monailabel_settings.MONAI_LABEL_DICOMWEB_CACHE_PATH.strip()
    cache_folder = (Path(caches) if caches else Path.home() / ".cache" / "lesion_tracker") / name
    data_folder = (settings.data_dir or Path.home() / ".local" / "share" / "lesion_tracker") / name
    cache = DiskCache(cache_folder, settings.pacs_cache_mb * MIB, settings.pacs_download_s + settings.pacs_timeout_s)
    records = SeriesRecords(data_folder / "series")
    logger.info("PACS %s; marks in %s, fetched series in %s", web.address, data_folder, cache_folder)
    return Pacs(web, cache, records, any_modality=settings.any_modality, reformats=settings.reformats), data_folder
