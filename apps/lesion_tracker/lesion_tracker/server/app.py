"""The MONAI Label app: its tasks, its studies and what they share."""

import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from monailabel.config import settings as monailabel_settings
from monailabel.interfaces.app import MONAILabelApp

from lesion_tracker.errors import Changed, InputError, NotFound
from lesion_tracker.pacs.catalog import PacsCatalog
from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.registration.preload import preload
from lesion_tracker.registration.process_pool import configure, default_threads
from lesion_tracker.server.access.accounts import AccountsFile
from lesion_tracker.server.access.exposure import warn_if_exposed
from lesion_tracker.server.access.guard import Guard
from lesion_tracker.server.access.routes import accounts_routes
from lesion_tracker.server.background import Background
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.errors import answer_errors
from lesion_tracker.server.followups import Followups
from lesion_tracker.server.learning.corrected_scores import CorrectedScores
from lesion_tracker.server.learning.least_confident import LeastConfident
from lesion_tracker.server.learning.routes import learning_routes
from lesion_tracker.server.learning.trainer import LesionTrainer, Places
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.review.jobs import TrackJobs
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.review.routes import review_routes
from lesion_tracker.server.studies.datastore import StudyFolder
from lesion_tracker.server.studies.next_study import NextStudy
from lesion_tracker.server.studies.pacs_datastore import PacsDatastore
from lesion_tracker.server.studies.pacs_routes import pacs_routes
from lesion_tracker.server.studies.pacs_start import open_pacs
from lesion_tracker.server.viewers.correct_lesion import CorrectLesion
from lesion_tracker.server.viewers.labels import LABELS
from lesion_tracker.server.viewers.mark_lesion import MarkLesion
from lesion_tracker.server.viewers.ohif_routes import ohif_routes
from lesion_tracker.server.viewers.routes import own_routes, put_first
from lesion_tracker.server.viewers.session_match import SessionMatch
from lesion_tracker.server.viewers.session_routes import session_routes
from lesion_tracker.server.viewers.track_lesion import TrackLesion
from lesion_tracker.settings import Settings, parse_settings
from lesion_tracker.studies.catalog import Catalog, FolderCatalog
from lesion_tracker.studies.timeline import study_of
from lesion_tracker.volumes.fingerprint import same_scan
from lesion_tracker.volumes.writer import write_volume

logger = logging.getLogger(__name__)

VERSION = "0.1.0"
SESSION_ID = re.compile(r"[0-9a-zA-Z-]{8,64}")


class LesionTrackerApp(MONAILabelApp):
    """Lesion Tracker as a MONAI Label app; MONAI Label finds it as main.py's direct subclass of MONAILabelApp.

    Args:
        app_dir: folder of main.py.
        studies: folder of studies, or address of a DICOMweb server.
        conf: names and values of `--conf`; an unknown name stops the server.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self._settings: Settings = parse_settings(conf or {}, os.environ)
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=conf or {},
            name="Lesion Tracker",
            description="Finds a lesion of an earlier CT again in every later CT. For research use only.",
            version=VERSION,
            labels=list(LABELS),
        )
        self._auto_update_scoring = False  # MONAI Label would start a process at each Next Sample

    def init_datastore(self) -> Any:
        """Open the studies, and with them everything that the tasks share.

        Raises:
            InputError: if marks could not be kept.
        """
        try:
            return self._open_datastore()
        except OSError as error:
            raise InputError(
                f"the server cannot start on {self.studies}: {error.strerror or error} ({error.filename or 'no file named'}); "
                "marks are kept in the folder of the studies (of a PACS: --conf data_dir), which must be writable"
            ) from error

    def _open_datastore(self) -> Any:
        self._pacs: Pacs | None = None
        if self.studies.startswith(("http://", "https://")):
            self._pacs, folder = open_pacs(self.studies, self._settings)
            datastore: Any = PacsDatastore(self._pacs, self._write_nifti)
            self._catalog: Catalog = PacsCatalog(self._pacs, self._used)
        else:
            folder = Path(self.studies)
            datastore = StudyFolder(
                self.studies,
                lambda image_id: self._marks.retire(image_id),
                auto_reload=monailabel_settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD,
                read_only=monailabel_settings.MONAI_LABEL_DATASTORE_READ_ONLY,
            )
            self._catalog = FolderCatalog(datastore)
        self._marks = MarkStore(folder / "labels")
        self._engine = Engine(
            self._settings,
            self._settings.cache_dir or folder / ".lesion_tracker",
            self._settings.model_dir or Path(self.app_dir) / "model",
            self._catalog.fetch if self._pacs else None,
            self._pacs.read if self._pacs else None,
        )
        self._followups = Followups(self._catalog, self._marks, self._engine)
        self._match = SessionMatch(self._engine.volumes.get)
        return datastore

    def _used(self) -> set[str]:
        """Return the ids of all studies with marks or tracks."""
        return self._marks.studies("lesions") | self._marks.studies("tracks")

    def _write_nifti(self, folder: Path, file: Path) -> None:
        write_volume(self._engine.read(folder), file)

    def init_infers(self) -> dict[str, Any]:
        """Return the three tasks."""
        background = Background() if self._settings.background else None
        return {
            "mark_lesion": MarkLesion(self._catalog, self._marks, self._engine, background),
            "track_lesion": TrackLesion(self._catalog, self._followups, self._engine),
            "correct_lesion": CorrectLesion(self._catalog, self._marks, self._engine),
        }

    def init_trainers(self) -> dict[str, Any]:
        """Return the trainer that learns from corrections."""
        own = self._engine.published.store.folder / "validation"
        validation = own if own.is_dir() else Path(self.app_dir) / "model" / "validation"
        places = Places(self._engine.cache_dir / "training", validation)
        return {"track_lesion": LesionTrainer(self._catalog, self._marks, self._engine, places)}

    def init_strategies(self) -> dict[str, Any]:
        """Return the strategies; Slicer offers the first one first."""
        next_study = NextStudy(self._catalog, self._marks)
        return {
            "next_study": next_study,
            "least_confident": LeastConfident(self._catalog, self._marks, next_study),
        }

    def init_scoring_methods(self) -> dict[str, Any]:
        """Return the scores of what readers answered; they are computed when asked for, not at each sample."""
        return {"corrected": CorrectedScores(self._marks)}

    def trainers(self) -> list[str]:
        """Return the names of the trainers."""
        return list(self._trainers)

    def on_init_complete(self) -> None:
        """Make the server ready before its first request: own routes first, registration loaded."""
        from monailabel.app import app as application

        super().on_init_complete()
        timeout_s = float(monailabel_settings.MONAI_LABEL_INFER_TIMEOUT)
        pool = RequestPool(self._settings.workers, self._settings.waiting, timeout_s)
        put_first(application, own_routes(self, pool))
        put_first(application, session_routes(self, pool))
        if self._pacs is not None:
            put_first(application, pacs_routes(self, self._pacs.web))
        jobs = TrackJobs(self._catalog, self._marks, self._followups)
        review = Review(self._catalog, self._marks, self._engine)
        put_first(application, review_routes(review, jobs, self._catalog, self._engine))
        if self._pacs is not None:
            put_first(application, ohif_routes(Path(self.app_dir), self._catalog, review))
        accounts = AccountsFile(self._settings.accounts) if self._settings.accounts else None
        if accounts is not None:
            put_first(application, accounts_routes(accounts))
        else:
            warn_if_exposed(sys.argv)
        origins = frozenset(str(origin).rstrip("/") for origin in monailabel_settings.MONAI_LABEL_CORS_ORIGINS)
        answer_errors(application)
        # Middleware and handlers cannot be added to an application that has started; its stack can be built again.
        application.middleware_stack = Guard(application.build_middleware_stack(), accounts, origins)
        put_first(application, learning_routes(self._trainers, self._engine.published.store))
        configure(self._settings.registration_workers, self._settings.registration_threads or default_threads())
        preload()
        logger.info("Lesion Tracker %s is ready: %d studies", VERSION, len(self._catalog.ids()))

    def info(self) -> dict[str, Any]:
        """Return MONAI Label's info; studies with marks or tracks count as completed (Slicer waits for one)."""
        meta: dict[str, Any] = super().info()
        done = self._marks.studies("lesions") | self._marks.studies("tracks")
        meta["labels"] = list(LABELS)
        meta["datastore"]["completed"] = len(done)
        return meta

    def infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Run a task.

        Args:
            request: params, `model`, and `image` (the id of a study) or `uploaded_image` (what a client sent along).
            datastore: not used; the tasks have their own.

        Raises:
            NotFound: for an unknown model or study.
            LesionTrackerError: as the tasks.
        """
        task = self._infers.get(request.get("model"))
        if task is None:
            raise NotFound(f"there is no model {request.get('model')!r}; known: {', '.join(self._infers)}")
        sent = request.get("uploaded_image")
        if isinstance(sent, Path):
            image = self._match.find(self._engine.volumes.get(sent), self._catalog.studies())
            request = {key: value for key, value in request.items() if key != "uploaded_image"} | {"image": image.id}
        file, params = task(request)
        return {"label": file, "tag": "original", "file": file, "params": params}

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the next study of a strategy.

        Raises:
            NotFound: for an unknown strategy or an empty datastore.
        """
        if request.get("strategy") not in self._strategies:
            known = ", ".join(self._strategies)
            raise NotFound(f"there is no strategy {request.get('strategy')!r}; known: {known}")
        sample: dict[str, Any] = super().next_sample(request)
        return sample

    def infer_wsi(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Refuse pathology slides.

        Raises:
            NotFound: always.
        """
        raise NotFound("Lesion Tracker has no models for pathology slides")

    def session_image(self, session_id: str) -> Path:
        """Return the volume that a client sent for a session.

        Raises:
            NotFound: for an unknown or expired session.
            HTTPException: 406 on a server without sessions.
        """
        sessions = self.sessions()
        if sessions is None:
            raise HTTPException(406, detail="this server keeps no sessions: upload the volume, or use Next Sample")
        session = sessions.get_session(session_id) if SESSION_ID.fullmatch(session_id) else None
        if session is None:
            raise NotFound(f"no session {session_id!r}: it has expired; load the volume again")
        return Path(session.image)

    def add_study(self, image_id: str, path: Path, info: dict[str, Any]) -> str:
        """Take an uploaded volume into the datastore, once it is known to be one.

        Args:
            image_id: what the client calls it.
            path: the received file.
            info: the upload's params; patient and date are kept with the study.

        Raises:
            InputError: if it is no usable CT volume, or its params are wrong.
            Changed: if another volume has this id already.
        """
        volume = self._engine.read(path)
        study_of(path, upload=info)
        datastore = self.datastore()
        if image_id not in datastore.list_images():
            return str(datastore.add_image(image_id, str(path), info))
        known = self._catalog.study(image_id)
        if not same_scan(self._engine.volume(known), volume):
            raise Changed(
                f"another volume is called {image_id!r} already, and its marks must not come to this one: rename it"
            )
        datastore.update_image_info(image_id, info)
        return image_id

    def describe_study(self, image_id: str, info: dict[str, Any]) -> None:
        """Keep what a client says of a study; patient and date that cannot be are refused before.

        Raises:
            InputError: if its patient or date could not be read afterwards.
            NotFound: for an unknown study.
        """
        study = self._catalog.study(image_id)
        study_of(study.path, upload=info)
        self.datastore().update_image_info(image_id, info)
