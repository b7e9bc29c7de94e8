"""What can be asked of tracking: one table, which the command line, the viewers' options and HTTP requests follow."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from lesion_tracker.records.method import DEFAULT_METHOD, METHODS


@dataclass(frozen=True)
class TrackOption:
    """How one field of TrackOptions is asked for.

    Args:
        name: of the field; the key of a request, and with dashes the word of the command line.
        default: where nobody asks.
        help: what it decides.
        choices: all that it can be; (): whatever `read` takes.
        read: makes the value of a text; raises ValueError with what is wrong.
    """

    name: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    read: Callable[[str], Any] = str

    def value(self, text: str) -> Any:
        """Return what a text says.

        Raises:
            ValueError: for what the option cannot be; the sentence goes on from its name.
        """
        if self.choices and text not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}, got {text!r}")
        return self.read(text)


def _asked(default: Any, help_: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": help_, **more})


@dataclass(frozen=True)
class TrackOptions:
    """What is asked of tracking; each field is an option.

    Args:
        method: one of `lesion_tracker.records.method.METHODS`.
        measure: "yes" or "no".
        refine: "yes" or "no".
    """

    method: str = _asked(
        DEFAULT_METHOD,
        "how to track: " + "; ".join(f"{method.name}: {method.sentence}" for method in METHODS.values()),
        choices=tuple(METHODS),
    )
    measure: str = _asked(
        "yes", "whether to measure each lesion in both studies: axes, volume and change", choices=("yes", "no")
    )
    refine: str = _asked(
        "no",
        "whether auto starts from the deformation of the whole pair, seconds more, instead of one round each lesion",
        choices=("no", "yes"),
    )


TRACK_OPTIONS = tuple(TrackOption(one.name, one.default, **one.metadata) for one in fields(TrackOptions))
"""In the order in which they are offered."""
