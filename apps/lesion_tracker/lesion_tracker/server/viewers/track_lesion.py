"""The task track_lesion: the lesions of an earlier study, found again in the study that is open."""

from collections.abc import Mapping
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferType

from lesion_tracker.errors import InputError
from lesion_tracker.readers.sources import Source
from lesion_tracker.records.method import METHODS
from lesion_tracker.records.state import states_json
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.followups import Followups
from lesion_tracker.server.viewers.answer import answer_form, answer_params, write_answer
from lesion_tracker.server.viewers.clicks import CLIENT_KEYS
from lesion_tracker.server.viewers.labels import LABEL_VALUES, LABELS
from lesion_tracker.server.viewers.lesions_param import lesions_of
from lesion_tracker.server.viewers.options import Option, option_text
from lesion_tracker.server.viewers.task import LesionTask, passed_over
from lesion_tracker.studies.catalog import Catalog

OPTIONS: dict[str, Option] = {
    "baseline_image": "",
    "patient": "",
    "method": ("default", *METHODS),
}


class TrackLesion(LesionTask):
    """Finds marked lesions in a later study.

    Args:
        catalog: the studies.
        followups: finds lesions in follow-ups and keeps their tracks.
        engine: reads studies.
    """

    options = OPTIONS

    def __init__(self, catalog: Catalog, followups: Followups, engine: Engine) -> None:
        super().__init__(
            InferType.SEGMENTATION, "Find the lesions that were marked in the patient's earlier CT in this one"
        )
        self._catalog, self._followups, self._engine = catalog, followups, engine

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
        sources = _prompted(request, self._followups.sources(followup, named, given))
        asked = None if method == "default" else method
        tracks, seconds = self._followups.track(sources, followup, asked)
        volume = self._engine.volume(followup)
        file = write_answer(form, tracks, volume.grid)
        unknown = sorted(set(request) - CLIENT_KEYS - set(OPTIONS) - {"lesions"} - set(LABELS))
        params = answer_params(
            tracks,
            tracks=[track.to_json() for track in tracks],
            states=states_json(),
            baseline_image=sources[0].study.id,
            followup_image=followup.id,
            seconds=seconds,
            warnings=[
                *(note for source in sources for note in source.notes),
                *(f"{one.study.id}: {text}" for one in sources for text in self._engine.volume(one.study).warnings),
                *(f"{followup.id}: {warning}" for warning in volume.warnings),
                *passed_over(unknown),
            ],
        )
        return str(file) if file else None, params


def _prompted(request: Mapping[str, Any], sources: list[Source]) -> list[Source]:
    """Keep the lesions that OHIF's class prompts ask for, by their numbers; without such a prompt all."""
    prompt = request.get("label_prompt")
    if not prompt:
        return sources
    numbers = {name: number for name, number in LABEL_VALUES.items() if isinstance(prompt, list) and number in prompt}
    kept = [source.only(lambda lesion: lesion.id in numbers) for source in sources]
    if not any(source.lesions for source in kept):
        marked = ", ".join(lesion.id for source in sources for lesion in source.lesions)
        raise InputError(f"label_prompt {prompt!r} asks for none of the marked lesions: {marked}")
    return [source for source in kept if source.lesions]
