"""The task track_lesion: the lesions of an earlier study, found again in the study that is open."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from lesion_tracker.errors import InputError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.readers.patient_table import natural_order
from lesion_tracker.records.track import METHODS, Lesion, Method, Track
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.viewers.answer import answer_form, answer_params, plain_track, write_answer
from lesion_tracker.server.viewers.baseline import Source, passed_on, same_place, sources_of
from lesion_tracker.server.viewers.clicks import CLIENT_KEYS
from lesion_tracker.server.viewers.labels import LABEL_VALUES, LABELS
from lesion_tracker.server.viewers.lesions_param import lesions_of, require_inside
from lesion_tracker.server.viewers.options import Option, option_text, shown_options
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study

OPTIONS: dict[str, Option] = {
    "baseline_image": "",
    "patient": "",
    "method": ("default", *METHODS),
}


class TrackLesion(InferTask):
    """Finds marked lesions in a later study.

    Args:
        catalog: the studies.
        marks: where lesions and tracks are kept.
        engine: reads, registers and tracks.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine) -> None:
        super().__init__(
            type=InferType.SEGMENTATION,
            labels=dict(LABEL_VALUES),
            dimension=3,
            description="Find the lesions that were marked in the patient's earlier CT in this one",
        )
        self._catalog, self._marks, self._engine = catalog, marks, engine

    def is_valid(self) -> bool:
        """Say that the task is always there."""
        return True

    def config(self) -> dict[str, Any]:
        """Return the options that the viewers show."""
        return shown_options(OPTIONS)

    def __call__(self, request: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Track the lesions of a request, or all that are marked in the baseline.

        Args:
            request: params of the request, with `image` the id of the follow-up.

        Returns:
            Path of the file for the client (or None), and the params of the answer.

        Raises:
            InputError: for wrong input; the text says what.
            RegistrationFailed: if the studies cannot be aligned plausibly.
            WeightsError: for method "dlt" without published weights.
        """
        form = answer_form(request)
        method = option_text(request, "method", OPTIONS)
        given = lesions_of(request)
        followup = self._catalog.study(request.get("image"))
        followup = self._catalog.with_patient(followup, option_text(request, "patient", OPTIONS))
        named = option_text(request, "baseline_image", OPTIONS)
        found = sources_of(self._catalog, self._marks, followup, named, given, self._contains)
        sources = _only(request, found)
        for source in sources:
            require_inside(source.lesions, self._engine.volume(source.study).grid, source.study.id)
        tracks, seconds = self._track(sources, followup, None if method == "default" else cast(Method, method))
        self._marks.add_tracks(followup.id, tracks)
        volume = self._engine.volume(followup)
        file = write_answer(form, tracks, volume.grid)
        unknown = sorted(set(request) - CLIENT_KEYS - set(OPTIONS) - {"lesions"} - set(LABELS))
        params = answer_params(
            tracks,
            tracks=[track.to_json() for track in tracks],
            baseline_image=sources[0].study.id,
            followup_image=followup.id,
            seconds=seconds,
            warnings=[
                *(note for source in sources for note in source.notes),
                *(f"{one.study.id}: {text}" for one in sources for text in self._engine.volume(one.study).warnings),
                *(f"{followup.id}: {warning}" for warning in volume.warnings),
                *(f"the key {name!r} is not known and was passed over" for name in unknown),
            ],
        )
        return str(file) if file else None, params

    def _contains(self, study: Study, lesion: Lesion) -> bool:
        return bool(self._engine.volume(study).grid.contains(np.array([lesion.center_mm]))[0])

    def _track(
        self, sources: Sequence[Source], followup: Study, method: Method | None
    ) -> tuple[list[Track], dict[str, float]]:
        tracks: list[Track] = []
        seconds: dict[str, float] = {}
        for source in sources:
            if same_place(self._catalog, source.study, followup):
                tracks += passed_on(source, followup, self._contains)
                continue
            found, stages = self._engine.track(source.study, followup, source.lesions, method)
            tracks += [plain_track(track) for track in found]
            seconds |= {name: round(seconds.get(name, 0.0) + spent, 3) for name, spent in stages.items()}
        return sorted(tracks, key=lambda track: natural_order(track.lesion_id)) if len(sources) > 1 else tracks, seconds


def _only(request: Mapping[str, Any], sources: list[Source]) -> list[Source]:
    """Keep the lesions that OHIF's class prompts ask for, by their numbers; without such a prompt all."""
    prompt = request.get("label_prompt")
    if not prompt:
        return sources
    numbers = {name: number for name, number in LABEL_VALUES.items() if isinstance(prompt, list) and number in prompt}
    kept = [replace(one, lesions=[lesion for lesion in one.lesions if lesion.id in numbers]) for one in sources]
    if not any(source.lesions for source in kept):
        marked = ", ".join(lesion.id for source in sources for lesion in source.lesions)
        raise InputError(f"label_prompt {prompt!r} asks for none of the marked lesions: {marked}")
    return [source for source in kept if source.lesions]
