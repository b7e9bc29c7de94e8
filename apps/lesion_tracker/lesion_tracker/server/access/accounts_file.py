"""The file of a server's accounts: read again when it changes, changed by one command at a time."""

import hmac
import json
import logging
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.files.whole import refusals_of, write_text
from lesion_tracker.server.access.accounts import (
    LONGEST_PASSWORD,
    NAME,
    Account,
    Accounts,
    Role,
    password_hash,
    said_in,
)
from lesion_tracker.server.access.ended import Ended
from lesion_tracker.server.access.throttle import Throttle
from lesion_tracker.volumes.unchanged import Stamp, stamp

logger = logging.getLogger(__name__)

SCHEMA = 1
Hexadecimal = Annotated[str, Field(pattern="^([0-9a-fA-F]{2})+$")]
SHORTEST_PASSWORD = 8
LONGEST_TOKEN = 512


class AccountsFile:
    """The accounts of a server, read again when the file changes.

    Args:
        path: made by `lesion-tracker account`.

    Raises:
        InputError: if there is no such file.
        FileFormatError: if it is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._throttle = Throttle()
        self._ended = Ended(path.with_name(f"{path.name}.ended"))
        self._seen: Stamp | None = None
        self._accounts = read_accounts(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            logger.warning("%s can be read by others on this machine, who can then make log-ins: chmod 600 it", path)

    def now(self) -> Accounts:
        """Return the accounts as they are now; a file that is damaged while the server runs lets nobody in."""
        with self._lock:
            try:
                seen = stamp(self._path)
                if seen != self._seen:
                    self._accounts, self._seen = read_accounts(self._path), seen
            except (OSError, InputError):
                self._accounts, self._seen = Accounts(self._accounts.key), None
            return self._accounts

    def log_in(self, name: str, password: str, address: str = "") -> str | None:
        """Return a token, or None for a wrong name or password.

        Args:
            name: of the account.
            password: as it was typed.
            address: of who tries.

        Raises:
            Busy: after too many wrong passwords from there.
        """
        possible = bool(NAME.fullmatch(name)) and len(password) <= LONGEST_PASSWORD
        known = name if possible else ""
        self._throttle.attempt(known, address)
        account = self.now().accounts.get(known)
        given = password_hash(password if possible else "", account.salt if account else "00" * 16)
        if account is None or not possible or not hmac.compare_digest(given, account.scrypt):
            return None
        self._throttle.succeeded(known, address)
        return self.now().token(account, time.time())

    def of_token(self, token: str) -> Account | None:
        """Return whose token it is, or None."""
        if not token or len(token) > LONGEST_TOKEN or token.partition(".")[2] in self._ended:
            return None
        return self.now().of_token(token, time.time())

    def end(self, token: str) -> None:
        """End a token before it expires; what is none is left alone."""
        if self.of_token(token) is not None:
            body, _, signature = token.partition(".")
            self._ended.add(signature, said_in(body)[0])


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _AccountEntry(_Strict):
    name: str
    role: Role
    salt: Hexadecimal
    scrypt: Hexadecimal


class _AccountsFile(_Strict):
    schema_: int = Field(alias="schema")
    key: Hexadecimal
    accounts: list[_AccountEntry]


def read_accounts(path: Path) -> Accounts:
    """Read an accounts file.

    Raises:
        InputError: if there is none.
        FileFormatError: if it is damaged; the message does not show its content.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"there is no accounts file {path}: make it with `lesion-tracker account {path} NAME`"
        ) from None
    except OSError as error:
        raise FileFormatError(f"the accounts file {path} cannot be read: {error.strerror}") from None
    try:
        file = _AccountsFile.model_validate_json(content)
    except ValidationError:
        raise FileFormatError(f"{path} is no accounts file, or is damaged") from None
    if file.schema_ != SCHEMA:
        raise FileFormatError(f"the accounts file {path} is of schema {file.schema_}, this version reads {SCHEMA}")
    accounts = [Account(**entry.model_dump()) for entry in file.accounts]
    return Accounts(file.key, {account.name: account for account in accounts})


def set_account(path: Path, name: str, password: str, role: Role) -> None:
    """Add an account, or change its password and role.

    Raises:
        InputError: for a name or password that cannot be.
        FileFormatError: for a damaged file.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be a name: letters, digits, _ . @ - and at most 64 of them")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InputError(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, this one {len(password)}"
        )
    salt = secrets.token_hex(16)
    account = Account(name, role, salt, password_hash(password, salt))
    with _alone(path):
        known = read_accounts(path) if path.exists() else Accounts(secrets.token_hex(32))
        _write(path, Accounts(known.key, {**known.accounts, name: account}))


def remove_account(path: Path, name: str) -> None:
    """Remove an account; its tokens end.

    Raises:
        InputError: if there is none of this name.
    """
    with _alone(path):
        known = read_accounts(path)
        if name not in known.accounts:
            raise InputError(f"there is no account {name!r} in {path}; there are {', '.join(known.accounts) or 'none'}")
        others = {other: account for other, account in known.accounts.items() if other != name}
        _write(path, Accounts(known.key, others))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Change an accounts file while no other command does."""
    with refusals_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            yield


def _write(path: Path, accounts: Accounts) -> None:
    """Replace the file in one step; only its owner may read it."""
    entries: list[dict[str, Any]] = [asdict(account) for account in accounts.accounts.values()]
    text = json.dumps({"schema": SCHEMA, "key": accounts.key, "accounts": entries}, indent=1)
    write_text(text, path, durable=True, mode=0o600)
