"""Who can reach this server: MONAI Label listens on every address of a machine unless it is told otherwise."""

import ipaddress
import logging
from collections.abc import Sequence

from lesion_tracker.server.access.hosts import EVERY_ADDRESS

logger = logging.getLogger(__name__)

MONAI_LABELS_DEFAULT = "0.0.0.0"
OPTIONS = ("-i", "--host")


def warn_if_exposed(arguments: Sequence[str], has_accounts: bool, hosts: Sequence[str]) -> None:
    """Say in the log that others reach a server without accounts, or cannot reach it because it has no name for them.

    Args:
        arguments: of the command line that started it (`sys.argv`).
        has_accounts: readers have to log in.
        hosts: names that the operator gave it.
    """
    host = exposed_host(arguments)
    if host and not has_accounts:
        logger.warning(
            "this server listens on %s without accounts: whoever reaches it may read and change everything; start it "
            "with --host 127.0.0.1, or with --conf accounts FILE",
            host,
        )
    if host and host in EVERY_ADDRESS and not hosts:
        logger.warning(
            "this server listens on %s, but answers only where it is asked for as localhost: name what other machines "
            "call it, --conf hosts NAME[,NAME]",
            host,
        )


def exposed_host(arguments: Sequence[str]) -> str:
    """Return the address that other machines reach a server at, or "" where only this machine does.

    Args:
        arguments: of the command line that started it (`sys.argv`).
    """
    host = listened_on(arguments)
    return "" if _is_loopback(host) else host


def listened_on(arguments: Sequence[str]) -> str:
    """Return the address that a server listens on, "" for what is no server.

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
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
