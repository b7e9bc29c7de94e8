"""The MONAI Label app: its parts, and how they hang together."""

import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from monailabel.config import settings as monailabel_settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore

from lesion_tracker import __version__
from lesion_tracker.errors import InputError, NotFound, RegistrationFailed
from lesion_tracker.records.counted import counted
from lesion_tracker.registration.preload import preload
from lesion_tracker.registration.process_pool import configure, default_threads
from lesion_tracker.server.access.accounts_file import AccountsFile
from lesion_tracker.server.access.exposure import listened_on, warn_if_exposed
from lesion_tracker.server.access.hosts import allowed_hosts
from lesion_tracker.server.access.routes import accounts_routes
from lesion_tracker.server.background import Background
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import MIB, Engine
from lesion_tracker.server.followups import Followups
from lesion_tracker.server.learning.corrected_scores import CorrectedScores
from lesion_tracker.server.learning.least_confident import LeastConfident
from lesion_tracker.server.learning.routes import learning_routes
from lesion_tracker.server.learning.trainer import LesionTrainer, Places
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.results.found import FoundReports
from lesion_tracker.server.results.gather import Results
from lesion_tracker.server.results.response_routes import response_routes
from lesion_tracker.server.results.routes import pacs_results_routes, results_routes
from lesion_tracker.server.results.shown import Shown
from lesion_tracker.server.review.drawn_sizes import DrawnSizes, drawn_size_routes
from lesion_tracker.server.review.fates import fate_routes
from lesion_tracker.server.review.jobs import TrackJobs
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.review.routes import review_routes
from lesion_tracker.server.review.traits import trait_routes
from lesion_tracker.server.serving import serve
from lesion_tracker.server.start_refusals import shorten_refusals
from lesion_tracker.server.studies.next_study import NextStudy
from lesion_tracker.server.studies.only_one import only_server_of
from lesion_tracker.server.studies.opening import open_studies
from lesion_tracker.server.studies.pacs_routes import pacs_routes
from lesion_tracker.server.studies.store_routes import store_routes
from lesion_tracker.server.studies.uploads import Uploads, upload_routes
from lesion_tracker.server.viewers.correct_lesion import CorrectLesion
from lesion_tracker.server.viewers.infer_routes import infer_routes
from lesion_tracker.server.viewers.labels import LABELS
from lesion_tracker.server.viewers.mark_lesion import MarkLesion
from lesion_tracker.server.viewers.ohif_routes import ohif_routes
from lesion_tracker.server.viewers.session_match import SessionMatch
from lesion_tracker.server.viewers.session_routes import remove_expired, session_image, session_routes
from lesion_tracker.server.viewers.track_lesion import TrackLesion
from lesion_tracker.server.viewers.viewer_files import viewer_routes
from lesion_tracker.settings import Settings, parse_settings

logger = logging.getLogger(__name__)


class LesionTrackerApp(MONAILabelApp):
    """Lesion Tracker as a MONAI Label app; MONAI Label finds it as main.py's direct subclass of MONAILabelApp.

    Args:
        app_dir: folder of main.py.
        studies: folder of studies, or address of a DICOMweb server.
        conf: names and values of `--conf`; an unknown name stops the server.

    Raises:
        InputError: for a setting that cannot be, or studies whose marks could not be kept.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        shorten_refusals()
        self._settings: Settings = parse_settings(conf or {}, os.environ)
        if monailabel_settings.MONAI_LABEL_API_STR:
            raise InputError(
                f"MONAI_LABEL_API_STR is {monailabel_settings.MONAI_LABEL_API_STR!r}: the addresses of this server, and who "
                "may ask for them, have no prefix; unset it, and let a reverse proxy add one"
            )
        if monailabel_settings.MONAI_LABEL_AUTH_ENABLE:
            raise InputError(
                "MONAI_LABEL_AUTH_ENABLE is set: MONAI Label's own log-in fails with today's PyJWT; unset it, and give the "
                "server accounts (--conf accounts FILE)"
            )
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=conf or {},
            name="Lesion Tracker",
            description="Finds a lesion of an earlier CT again in every later CT. For research use only.",
            version=__version__,
            labels=list(LABELS),
        )
        self._auto_update_scoring = False  # MONAI Label would start a process at each Next Sample

    # What MONAI Label asks for, one after the other, when it makes the app.

    def init_datastore(self) -> Datastore:
        """Open the studies, and with them everything that the tasks share."""
        opened = open_studies(self.studies, self._settings)
        self._catalog, self._marks, self._pacs, self._folder = opened.catalog, opened.marks, opened.pacs, opened.folder
        self._engine = Engine(
            self._settings,
            self._settings.cache_dir or opened.folder / ".lesion_tracker",
            self._settings.model_dir or Path(self.app_dir) / "model",
            opened.catalog.fetch if opened.pacs else None,
            opened.pacs.read if opened.pacs else None,
        )
        self._bound = BoundMarks(self._marks, self._engine)
        self._followups = Followups(self._catalog, self._marks, self._engine, self._bound)
        return opened.datastore

    def init_infers(self) -> dict[str, Any]:
        """Return the three tasks."""
        background = Background() if self._settings.background else None
        sizes = Measuring(self._catalog, self._marks, self._engine, self._bound)
        return {
            "mark_lesion": MarkLesion(self._catalog, self._marks, self._engine, self._bound, background),
            "track_lesion": TrackLesion(self._catalog, self._followups, self._engine, sizes),
            "correct_lesion": CorrectLesion(self._catalog, self._marks, self._engine, self._bound, sizes),
        }

    def init_trainers(self) -> dict[str, Any]:
        """Return the trainer that learns from corrections."""
        own = self._engine.published.store.folder / "validation"
        validation = own if own.is_dir() else Path(self.app_dir) / "model" / "validation"
        places = Places(self._engine.cache_dir / "training", validation)
        return {"track_lesion": LesionTrainer(self._catalog, self._marks, self._engine, self._bound, places)}

    def init_strategies(self) -> dict[str, Any]:
        """Return the strategies; Slicer offers the first one first."""
        next_study = NextStudy(self._catalog, self._marks, self._engine.problem)
        return {
            "next_study": next_study,
            "least_confident": LeastConfident(self._catalog, self._marks, next_study),
        }

    def init_scoring_methods(self) -> dict[str, Any]:
        """Return the scores of what readers answered; they are computed when asked for, not at each sample."""
        return {"corrected": CorrectedScores(self._marks)}

    # What it asks for when the server starts, and then for each request.

    def on_init_complete(self) -> None:
        """Make the server ready for its first request: own routes first; registration is loaded beside it."""
        from monailabel.app import app as application

        super().on_init_complete()
        if self._pacs is None and not monailabel_settings.MONAI_LABEL_DATASTORE_READ_ONLY:
            self._alone = only_server_of(self._folder)
        accounts = AccountsFile(self._settings.accounts) if self._settings.accounts else None
        warn_if_exposed(sys.argv, accounts is not None, self._settings.host_names)
        origins = frozenset(str(origin).rstrip("/") for origin in monailabel_settings.MONAI_LABEL_CORS_ORIGINS)
        hosts = allowed_hosts(self._settings.host_names, listened_on(sys.argv))
        serve(application, self._routers(accounts), accounts, origins, hosts, self._settings.volume_mb)
        threading.Thread(target=self._marks.read_ahead, name="marks", daemon=True).start()
        configure(self._settings.registration_workers, self._settings.registration_threads or default_threads())
        threading.Thread(target=_load_registration, name="registration", daemon=True).start()
        logger.info(
            "Lesion Tracker %s is ready: %s", __version__, counted(len(self._catalog.ids()), "study", "studies")
        )

    def info(self) -> dict[str, Any]:
        """Return MONAI Label's info; studies with marks or tracks count as completed (Slicer waits for one)."""
        meta: dict[str, Any] = super().info()
        meta["labels"] = list(LABELS)
        meta["datastore"]["completed"] = len(self._marks.in_use())
        return meta

    def cleanup_sessions(self) -> None:
        """Remove the volumes that clients sent along, and whose time is over; asked every five minutes."""
        if (sessions := self.sessions()) is not None:
            remove_expired(sessions)

    def infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Run a task.

        Args:
            request: params, `model`, and `image`, the id of a study.
            datastore: not used; the tasks have their own.

        Raises:
            NotFound: for an unknown model or study.
            LesionTrackerError: as the tasks.
        """
        task = self._infers.get(request.get("model"))
        if task is None:
            raise NotFound(f"there is no model {request.get('model')!r}; known: {', '.join(self._infers)}")
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

    def _routers(self, accounts: AccountsFile | None) -> list[APIRouter]:
        """Return this server's own routes, what each is made of, and in which order they are looked through."""
        pool = RequestPool(
            self._settings.workers, self._settings.waiting, float(monailabel_settings.MONAI_LABEL_INFER_TIMEOUT)
        )
        match = SessionMatch(self._engine.volumes.get, self._catalog.studies)
        review = Review(self._catalog, self._marks, self._engine, self._bound)
        results = Results(self._catalog, self._marks, self._engine, self._bound)
        jobs = TrackJobs(self._catalog, self._marks, self._followups)
        measuring = Measuring(self._catalog, self._marks, self._engine, self._bound)
        routers = [
            infer_routes(self, pool, lambda session: session_image(self.sessions(), session), match.study_of_copy),
            session_routes(self.sessions, pool, self._settings.sessions_mb * MIB),
            upload_routes(Uploads(self._catalog, self._datastore, self._engine), pool),
            results_routes(results, self._catalog),
            fate_routes(review, self._catalog, self._marks),
            trait_routes(review, self._marks),
            response_routes(
                Shown(results, measuring, self._engine),
                on_pacs=self._pacs is not None,
                pacs_write=self._settings.pacs_write,
            ),
            review_routes(review, jobs, self._catalog, self._engine, measuring),
            drawn_size_routes(DrawnSizes(review, self._catalog, self._marks, self._engine, self._bound, measuring)),
            learning_routes(
                self._trainers,
                self._engine.published.store,
                lambda: CorrectedScores(self._marks)({}, self._datastore),
            ),
            store_routes(self._datastore, self.info, self.next_sample, pool),
        ]
        if self._pacs is not None:
            web = self._pacs.web
            found = FoundReports(web, results, review, self._marks, self._engine, self._bound)
            routers += [
                pacs_routes(web),
                pacs_results_routes(results, found, self._catalog, web, pacs_write=self._settings.pacs_write),
                ohif_routes(Path(self.app_dir), self._catalog, review, measuring),
            ]
        if accounts is not None:
            routers.append(accounts_routes(accounts))
        return [*routers, viewer_routes(on_pacs=self._pacs is not None)]


def _load_registration() -> None:
    """Load it before somebody asks for it: it takes seconds, in a process of its own, and who asks meanwhile waits for it."""
    try:
        preload()
    except RegistrationFailed as error:
        logger.error("registration cannot be loaded, no pair will be registered: %s", error)
