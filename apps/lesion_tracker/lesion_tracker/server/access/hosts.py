"""The names under which this server may be asked: a page whose name was bound to this machine later is none of its own.

Without this, a page of an attacker that resolves its own name to 127.0.0.1 (DNS rebinding) would be the server's own page.
"""

import re
from collections.abc import Iterable

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
EVERY_ADDRESS = frozenset({"0.0.0.0", "::", ""})
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:/@\[\]]+))(?::\d{1,5})?", re.IGNORECASE)


def host_name(header: str) -> str:
    """Return the name in a Host header, without port and brackets; "" for what is none."""
    found = _HOST.fullmatch(header.strip())
    return (found[1] or found[2]).lower().removesuffix(".") if found else ""


def allowed_hosts(named: Iterable[str], listens_on: str) -> frozenset[str]:
    """Return the names under which a server may be asked: loopback, what the operator named, and what it listens on.

    Args:
        named: by the setting `hosts`.
        listens_on: the address of `--host`; every address is no name.
    """
    own = {
        host_name(f"[{name}]" if ":" in name else name) for name in (*named, listens_on) if name not in EVERY_ADDRESS
    }
    return (LOOPBACK | own) - {""}
