"""The maps that the lesions of one call start from: found round each neighbourhood, or on the whole pair.

That of the whole pair is asked for, or found where the affine map is doubtful: what lies round a lesion may not hold the same
lesion in the other study then.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.method import Method
from lesion_tracker.registration.cache import RegistrationCache
from lesion_tracker.registration.local import tile_of
from lesion_tracker.registration.point_map import FollowupFromBaseline
from lesion_tracker.registration.register import register, register_round, register_rounds
from lesion_tracker.tracking.case import Case, case_of
from lesion_tracker.tracking.pair import Pair


class Registered:
    """A registered pair, which turns lesions to cases.

    Which map a lesion starts from depends on the method, the wish to refine and the lesion alone: never on what was
    remembered, nor on the other lesions of the call.

    Args:
        pair: both studies.
        method: how to track.
        refine: whether the map of the whole pair is asked for; of a method without one to refine by, `note` says so.
        cache: of registrations.
        device: where what lies round lesions is registered; None: on the processor, by greedy.

    Raises:
        RegistrationFailed: for a study without a body, and for studies that have nothing in common.
    """

    def __init__(
        self,
        pair: Pair,
        method: Method,
        refine: bool,
        cache: RegistrationCache | None,
        device: torch.device | None = None,
    ) -> None:
        started = time.perf_counter()
        self._pair, self._method, self._cache, self._device = pair, method, cache, device
        self._whole = register(pair.baseline, pair.followup, method.registration, cache)
        self._refined: FollowupFromBaseline | None = None
        self._rounds: dict[tuple[float, float, float], FollowupFromBaseline] = {}
        self.note = (
            f"{method.name} has nothing to refine by: refine was passed over" if refine and not method.refined else ""
        )
        if method.refined and (refine or self._whole.doubts):
            self._refine()
        self.seconds = time.perf_counter() - started

    def _refine(self) -> None:
        try:
            self._refined = register(self._pair.baseline, self._pair.followup, self._method.refined, self._cache)
        except RegistrationFailed as error:
            used = "the map found round the lesion" if self._method.local else f"the {self._method.registration} one"
            self.note = f"the registration of the whole pair failed ({error}); {used} was used"

    def cases(self, lesions: Sequence[Lesion]) -> Iterator[Case]:
        """Return lesions as `case`, in their order; on a device what lies round all of them is registered at once."""
        if self._method.local and self._device is not None:
            cases = (case_of(self._pair, self._whole, lesion) for lesion in lesions)
            places = [case.center_mm for case in cases if _scanned(case)]
            both = self._pair.baseline, self._pair.followup
            self._rounds.update(register_rounds(*both, self._whole, places, self._cache, self._device))
        return map(self.case, lesions)

    def case(self, lesion: Lesion) -> Case:
        """Return a lesion with the place at which its map expects it.

        With `refine`, or where the affine map is doubtful, that is the map of the whole pair; how far the one found round the
        lesion is from it there stands in its quality as `local_mm`.
        """
        case = case_of(self._pair, self._whole, lesion)
        if self._method.local and _scanned(case):
            case = case_of(self._pair, self._round(case), lesion)
        if self._refined is None:
            return case
        refined = case_of(self._pair, self._refined, lesion)
        apart = float(np.linalg.norm(refined.expected_mm - case.expected_mm))
        quality = {**self._refined.quality, "local_mm": apart}
        return replace(refined, registration=replace(self._refined, quality=quality))

    def _round(self, case: Case) -> FollowupFromBaseline:
        """Return the map of the cube that holds a lesion: lesions in one cube share it."""
        tile = tile_of(case.center_mm)
        if tile not in self._rounds:
            both = self._pair.baseline, self._pair.followup
            self._rounds[tile] = register_round(*both, self._whole, case.center_mm, self._cache, self._device)
        return self._rounds[tile]


def _scanned(case: Case) -> bool:
    """Return whether the follow-up holds the point at which a lesion is expected."""
    return bool(case.pair.followup.grid.contains(case.expected_mm[None])[0])


def device_beside(model: Tracker | None) -> torch.device | None:
    """Return where what lies round lesions is registered: where a model is on CUDA, there; else None."""
    return model.device if model is not None and model.device.type == "cuda" else None
