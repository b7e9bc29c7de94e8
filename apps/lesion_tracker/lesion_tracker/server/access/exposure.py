"""Who can reach this server: MONAI Label listens on every address of a machine unless it is told otherwise."""

import ipaddress
import logging
from collections.abc import Sequence

logger = logging.getLogger(__name__)

MONAI_LABELS_DEFAULT = "0.0.0.0"
OPTIONS = ("-i", "--host")


def warn_if_exposed(arguments: Sequence[str]) -> None:
    """Say in the log that a server without accounts can be reached from other machines.

    Args:
        arguments: of the command line that started it (`sys.argv`).
    """
    if host := exposed_host(arguments):
        logger.warning(
            "this server listens on %s without accounts: whoever reaches it may read and change everything; start it "
            "with --host 127.0.0.1, or with --conf accounts FILE",
            host,
        )


def exposed_host(arguments: Sequence[str]) -> str:
    """Return the address that other machines reach a server at, or "" where only this machine does.

    Args:
        arguments: of the command line that started it (`sys.argv`).
    """
    if "start_server" not in arguments:
        return ""
    host = MONAI_LABELS_DEFAULT
    for place, word in enumerate(arguments):
        name, sign, value = word.partition("=")
        if name in OPTIONS:
            host = value if sign else "".join(arguments[place + 1 : place + 2])
    return "" if _is_loopback(host) else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
