"""Accounts of readers: names and salted hashes, and tokens that are signed, not stored.

By hand, because MONAI Label's own log-in wants a Keycloak server; what is needed of it are the hashes of Python's library.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["reader", "admin"]
"""reader: marks, tracks, corrects; admin: also trains, rolls back, removes studies."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
LONGEST_PASSWORD = 1024
LIFETIME_S = 12 * 3600
"""A token is valid for a working day; logging in again gives a new one."""


@dataclass(frozen=True)
class Account:
    """One reader.

    Args:
        name: what the reader logs in with, and what marks and corrections are signed with.
        role: what the reader may do.
        salt: hexadecimal.
        scrypt: hash of the password, hexadecimal.
    """

    name: str
    role: Role
    salt: str
    scrypt: str


@dataclass(frozen=True)
class Accounts:
    """The content of an accounts file.

    Args:
        key: signs tokens, hexadecimal.
        accounts: by name.
    """

    key: str
    accounts: dict[str, Account] = field(default_factory=dict)

    def token(self, account: Account, now_s: float) -> str:
        """Return a token of an account; a changed password or a removed account ends it."""
        said = f"{int(now_s + LIFETIME_S)}|{secrets.token_hex(8)}|{account.name}"  # no two log-ins have one token
        body = base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
        return f"{body}.{self._signature(body, account)}"

    def of_token(self, token: str, now_s: float) -> Account | None:
        """Return whose token it is, or None where it is forged, has expired or was ended."""
        body, _, signature = token.partition(".")
        ends_s, name = said_in(body)
        account = self.accounts.get(name)
        if account is None or ends_s < now_s:
            return None
        right = hmac.compare_digest(signature.encode(), self._signature(body, account).encode())
        return account if right else None

    def _signature(self, body: str, account: Account) -> str:
        message = f"{body}|{account.role}|{account.scrypt}".encode()
        return hmac.new(bytes.fromhex(self.key), message, hashlib.sha256).hexdigest()


def said_in(body: str) -> tuple[int, str]:
    """Return when a token expires, seconds since 1970, and whose it is; (0, "") for what is none."""
    try:
        expiry, _, name = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode().split("|")
        return int(expiry), name
    except (binascii.Error, ValueError):
        return 0, ""


def password_hash(password: str, salt: str) -> str:
    """Return the hash of a password; a password of any length takes the same memory and about 50 ms."""
    secret = password.encode()[:LONGEST_PASSWORD]
    return hashlib.scrypt(secret, salt=bytes.fromhex(salt), n=2**14, r=8, p=1, maxmem=64 * 2**20).hex()
