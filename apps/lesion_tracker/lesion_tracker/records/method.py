"""The table of methods by which a lesion can be tracked; whatever offers, checks or explains a method reads it here."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

Network = Literal["unused", "alone", "fused"]
"""unused: the point of registration answers. alone: the network's highest peak, which needs weights. fused: what is chosen
among the candidates of both; without weights registration answers, and the track says so."""


@dataclass(frozen=True)
class Method:
    """One method.

    Args:
        name: in requests, settings and on the command line.
        registration: the method of `lesion_tracker.registration.methods` that finds the map of the whole pair.
        sentence: what it does, for help.
        network: what it does with the network.
        local: whether the places of the lesions are then registered by themselves, in crops round them.
        refined: the registration of the whole pair that answers instead where a request asks to refine; "": there is none.
    """

    name: str
    registration: str
    sentence: str
    network: Network = "unused"
    local: bool = False
    refined: str = ""

    @property
    def needs_weights(self) -> bool:
        """Say whether it can do nothing without weights."""
        return self.network == "alone"


METHODS = {
    method.name: method
    for method in (
        Method(
            "auto",
            "affine",
            "the likeliest place that registration round the lesion, network and surroundings propose",
            network="fused",
            local=True,
            refined="deformable",
        ),
        Method("dlt", "affine", "the network's highest peak round the affine point, as in the paper", network="alone"),
        Method("affine", "affine", "the point of the affine registration"),
        Method("deformable", "deformable", "the point of the deformable registration"),
        Method("bspline", "bspline", "the point of the B-spline registration, minutes"),
    )
}
"""In the order in which they are offered."""

DEFAULT_METHOD = "auto"


def method_named(name: str) -> Method:
    """Return a method.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in METHODS:
        raise ValueError(f"method must be one of {tuple(METHODS)}, got {name!r}")
    return METHODS[name]


def _known(name: str) -> str:
    if name not in METHODS:
        *others, last = map(repr, METHODS)
        raise PydanticCustomError("method", "Input should be {names}", {"names": f"{', '.join(others)} or {last}"})
    return name


MethodName = Annotated[str, AfterValidator(_known)]
"""The name of a method, checked where pydantic reads it."""
