"""Who asks: the name of who has logged in; who may ask for what says addresses.py, and the guard sees to it."""

import contextvars

from lesion_tracker.records.names import clean_name

current_reader: contextvars.ContextVar[str] = contextvars.ContextVar("current_reader", default="")
"""Who sent the request that is being answered; "" on a server without accounts."""


def signed(typed: str = "") -> str:
    """Return who does it: the log-in, or without log-ins the name that the reader typed, as names are kept.

    Raises:
        InputError: for a name with letters that cannot be seen, or one that is too long.
    """
    return current_reader.get() or (clean_name(typed, "a reader's name") if typed.strip() else "")
