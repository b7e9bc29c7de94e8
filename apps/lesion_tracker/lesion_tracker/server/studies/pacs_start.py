"""A PACS from the server's settings: its address, its login, and the folders for its series and its marks."""

import hashlib
import logging
from pathlib import Path

from monailabel.config import settings as monailabel_settings

from lesion_tracker.errors import InputError
from lesion_tracker.files.disk_cache import DiskCache
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.pacs.series_records import SeriesRecords
from lesion_tracker.settings import Settings

logger = logging.getLogger(__name__)

MIB = 1024 * 1024


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
    return Pacs(web, cache, records, any_modality=settings.any_modality), data_folder
