"""The task track_lesion: the lesions of an earlier study, found again in the study that is open."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from lib.correction.mark_store import MarkStore
from lib.errors import InputError
from lib.studies.study import Study
from lib.tasks.answer import answer_form, answer_params, plain_json, write_answer
from lib.tasks.catalog import Catalog
from lib.tasks.clicks import CLIENT_KEYS
from lib.tasks.engine import Engine
from lib.tasks.labels import LABEL_VALUES, LABELS
from lib.tasks.lesions_param import lesions_of, require_inside
from lib.tasks.options import Option, option_text, shown_options
from lib.tracking.records import METHODS, Lesion, Method, Track

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
        baseline, followup = self._baseline(request, followup, bool(given))
        lesions = _only(request, given or self._marked(baseline))
        baseline_volume = self._engine.volume(baseline)
        require_inside(lesions, baseline_volume.grid, baseline.id)
        chosen = None if method == "default" else cast(Method, method)
        tracks, seconds = self._engine.track(baseline, followup, lesions, chosen)
        tracks = [_plain(track) for track in tracks]
        self._marks.add_tracks(followup.id, tracks)
        volume = self._engine.volume(followup)
        file = write_answer(form, tracks, volume.grid)
        unknown = sorted(set(request) - CLIENT_KEYS - set(OPTIONS) - {"lesions"} - set(LABELS))
        params = answer_params(
            tracks,
            tracks=[track.to_json() for track in tracks],
            baseline_image=baseline.id,
            followup_image=followup.id,
            seconds=seconds,
            warnings=[
                *(f"{baseline.id}: {warning}" for warning in baseline_volume.warnings),
                *(f"{followup.id}: {warning}" for warning in volume.warnings),
                *(f"the key {name!r} is not known and was passed over" for name in unknown),
            ],
        )
        return str(file) if file else None, params

    def _baseline(self, request: Mapping[str, Any], followup: Study, has_lesions: bool) -> tuple[Study, Study]:
        patient = option_text(request, "patient", OPTIONS)
        followup = self._catalog.with_patient(followup, patient)
        named = option_text(request, "baseline_image", OPTIONS)
        if named:
            baseline = self._catalog.study(named)
            _require_pair(baseline, followup)
            return baseline, followup
        marked = self._marks.studies("lesions")
        return self._catalog.baseline_of(followup, lambda name: has_lesions or name in marked), followup

    def _marked(self, baseline: Study) -> list[Lesion]:
        lesions = self._marks.lesions(baseline.id)
        if not lesions:
            raise InputError(f"nothing is marked in {baseline.describe()}: mark its lesions first (mark_lesion)")
        return lesions


def _plain(track: Track) -> Track:
    """Return a track whose numbers can be written as JSON: a quality that is not a number becomes null."""
    return track.with_changes(registration=plain_json(track.registration), model=plain_json(track.model))


def _require_pair(baseline: Study, followup: Study) -> None:
    if baseline.id == followup.id:
        raise InputError(f"baseline_image and image are the same study, {followup.id!r}")
    if baseline.patient_id and followup.patient_id and baseline.patient_id != followup.patient_id:
        raise InputError(
            f"baseline_image {baseline.id!r} is of patient {baseline.patient_id!r}, but {followup.id!r} is of patient "
            f"{followup.patient_id!r}"
        )


def _only(request: Mapping[str, Any], lesions: Sequence[Lesion]) -> list[Lesion]:
    """Keep the lesions that OHIF's class prompts ask for, by their numbers; without such a prompt all."""
    prompt = request.get("label_prompt")
    if not prompt:
        return list(lesions)
    numbers = {name: number for name, number in LABEL_VALUES.items() if isinstance(prompt, list) and number in prompt}
    kept = [lesion for lesion in lesions if lesion.id in numbers]
    if not kept:
        marked = ", ".join(lesion.id for lesion in lesions)
        raise InputError(f"label_prompt {prompt!r} asks for none of the marked lesions: {marked}")
    return kept
