"""The task track_lesion: the lesions of an earlier study, found again in the study that is open."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferType

from lesion_tracker.errors import InputError
from lesion_tracker.readers.sources import Source
from lesion_tracker.records.state import states_json
from lesion_tracker.records.track import Track
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.followups import Followups
from lesion_tracker.server.request_keys import NO_LESIONS
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.server.viewers.answer import answer_form, answer_params, readers_sizes, write_answer
from lesion_tracker.server.viewers.labels import LABEL_VALUES, LABELS
from lesion_tracker.server.viewers.lesions_param import lesions_of
from lesion_tracker.server.viewers.options import Option, option_text
from lesion_tracker.server.viewers.task import LesionTask, passed_over
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.tracking.options import TRACK_OPTIONS, TrackOption, TrackOptions

SERVERS_OWN = "default"

OPTIONS: dict[str, Option] = {
    "baseline_image": "",
    "patient": "",
    **{option.name: (SERVERS_OWN, *option.choices) if option.choices else "" for option in TRACK_OPTIONS},
}


class TrackLesion(LesionTask):
    """Finds marked lesions in a later study.

    Args:
        catalog: the studies.
        followups: finds lesions in follow-ups and keeps their tracks.
        engine: reads studies.
        sizes: knows which readers drew.
    """

    options = OPTIONS

    def __init__(self, catalog: Catalog, followups: Followups, engine: Engine, sizes: Measuring) -> None:
        super().__init__(
            InferType.SEGMENTATION, "Find the lesions that were marked in the patient's earlier CT in this one"
        )
        self._catalog, self._followups, self._engine, self._sizes = catalog, followups, engine, sizes

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
        options = _asked(request, self._engine.options)
        given = lesions_of(request)
        followup = self._catalog.study(request.get("image"))
        followup = self._catalog.with_patient(followup, option_text(request, "patient", OPTIONS))
        named = option_text(request, "baseline_image", OPTIONS)
        sources = _prompted(request, self._followups.sources(followup, named, given))
        tracks, seconds = self._followups.track(sources, followup, options)
        volume = self._engine.volume(followup)
        file = write_answer(form, tracks, volume.grid)
        unknown = sorted(set(request) - NO_LESIONS - set(OPTIONS) - {"lesions"} - set(LABELS))
        params = answer_params(
            tracks,
            tracks=[track.to_json() for track in tracks],
            sizes=readers_sizes(tracks, self._sizes),
            states=states_json(),
            baseline_image=sources[0].study.id,
            followup_image=followup.id,
            seconds=seconds,
            warnings=[*self._warnings(sources, followup, tracks), *passed_over(unknown)],
        )
        return str(file) if file else None, params

    def _warnings(self, sources: Sequence[Source], followup: Study, tracks: Sequence[Track]) -> list[str]:
        """Return what the tracks say of the studies and of the choice, each sentence once."""
        found = [note for source in sources for note in source.notes]
        for study in (*(source.study for source in sources), followup):
            found += [f"{study.id}: {text}" for text in self._engine.volume(study).warnings]
        found += [text for track in tracks for text in track.warnings]
        return list(dict.fromkeys(found))


def _asked(request: Mapping[str, Any], own: TrackOptions) -> TrackOptions:
    """Return what a request asks of tracking; what it leaves out is the server's own."""
    changes = {}
    for option in TRACK_OPTIONS:
        text = option_text(_with_text(request, option), option.name, OPTIONS)
        if text in ("", SERVERS_OWN):
            continue
        try:
            changes[option.name] = option.value(text)
        except ValueError as error:
            raise InputError(f"option {option.name!r} {error}") from None
    return replace(own, **changes)


def _with_text(request: Mapping[str, Any], option: TrackOption) -> Mapping[str, Any]:
    """Return a request in which an option that is no choice may stand as a number of JSON, too."""
    value = request.get(option.name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {option.name: str(value)} if is_number and not option.choices else request


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
