"""The table of registration methods: what each is, what it starts from, and the parameters that decide its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lesion_tracker.registration.affine import PARAMETERS as AFFINE
from lesion_tracker.registration.affine import register_affine
from lesion_tracker.registration.bspline import PARAMETERS as BSPLINE
from lesion_tracker.registration.bspline import register_bspline
from lesion_tracker.registration.deformable import PARAMETERS as DEFORMABLE
from lesion_tracker.registration.deformable import register_deformable
from lesion_tracker.registration.point_map import FollowupFromBaseline


@dataclass(frozen=True)
class RegistrationMethod:
    """One way to find where the points of a baseline lie in a follow-up.

    Args:
        find: takes both volumes, and the map of `start` where there is one; returns the map, or raises RegistrationFailed.
        parameters: plain JSON values that decide the answer; a remembered one of other parameters does not count.
        start: the method whose map it starts from, or "".
    """

    find: Callable[..., FollowupFromBaseline]
    parameters: Mapping[str, Any]
    start: str = ""


METHODS = {
    "affine": RegistrationMethod(register_affine, AFFINE),
    "deformable": RegistrationMethod(register_deformable, DEFORMABLE, start="affine"),
    "bspline": RegistrationMethod(register_bspline, BSPLINE, start="affine"),
}


def all_parameters(name: str) -> dict[str, Any]:
    """Return a method's parameters together with those of what it starts from."""
    method = METHODS[name]
    return {**(all_parameters(method.start) if method.start else {}), **method.parameters}
