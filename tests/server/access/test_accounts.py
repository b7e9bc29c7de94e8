"""Accounts: passwords, tokens that end, and what the guard lets through."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lesion_tracker.errors import Busy, FileFormatError, InputError
from lesion_tracker.server.access.accounts import (
    LIFETIME_S,
    MOST_FAILURES,
    AccountsFile,
    read_accounts,
    remove_account,
    set_account,
)
from lesion_tracker.server.access.guard import cookie_of, needs_admin

PASSWORD = "correct horse"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.json"
    set_account(path, "ann", PASSWORD, "reader")
    return path


def test_only_the_owner_may_read_the_file_and_it_holds_no_password(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()


def test_a_token_is_the_readers_until_it_expires(file: Path) -> None:
    accounts = read_accounts(file)
    token = accounts.token(accounts.accounts["ann"], 1000.0)
    assert accounts.of_token(token, 1000.0 + LIFETIME_S) == accounts.accounts["ann"]
    assert accounts.of_token(token, 1002.0 + LIFETIME_S) is None


@pytest.mark.parametrize("forged", ["", ".", "a.b", "x" * 5000, "\udcff.é", "MXxhbm4.00"])
def test_a_forged_token_is_nobodys(file: Path, forged: str) -> None:
    assert AccountsFile(file).of_token(forged) is None


def test_a_token_cannot_be_made_to_name_another_reader_or_a_later_time(file: Path) -> None:
    set_account(file, "boss", "another password", "admin")
    accounts = read_accounts(file)
    body, signature = accounts.token(accounts.accounts["ann"], 1000.0).split(".")
    other = accounts.token(accounts.accounts["boss"], 1000.0).split(".")[0]
    later = accounts.token(accounts.accounts["ann"], 9000.0).split(".")[0]
    assert accounts.of_token(f"{other}.{signature}", 1000.0) is None
    assert accounts.of_token(f"{later}.{signature}", 1000.0) is None
    assert accounts.of_token(f"{body}.{signature}", 1000.0) is not None


def test_a_changed_password_or_role_and_a_removed_account_end_a_token(file: Path) -> None:
    server = AccountsFile(file)
    token = server.log_in("ann", PASSWORD)
    assert token is not None
    assert server.of_token(token) is not None
    set_account(file, "ann", "a new password", "reader")
    assert server.of_token(token) is None
    again = server.log_in("ann", "a new password")
    assert again is not None
    remove_account(file, "ann")
    assert server.of_token(again) is None


def test_a_damaged_file_lets_nobody_in_while_the_server_runs(file: Path) -> None:
    server = AccountsFile(file)
    token = server.log_in("ann", PASSWORD)
    file.write_text("{")
    assert token is not None
    assert server.of_token(token) is None
    assert server.log_in("ann", PASSWORD) is None


def test_guessing_is_slowed_for_one_name_and_not_for_others(file: Path) -> None:
    set_account(file, "bob", PASSWORD, "reader")
    server = AccountsFile(file)
    for _ in range(MOST_FAILURES):
        assert server.log_in("ann", "wrong password") is None
    with pytest.raises(Busy, match="wait 5 minutes"):
        server.log_in("ann", PASSWORD)
    assert server.log_in("bob", PASSWORD)
    assert server.log_in("nobody", PASSWORD) is None


def test_guesses_that_come_at_once_are_all_counted(file: Path) -> None:
    server = AccountsFile(file)

    def guess(number: int) -> bool:
        try:
            return server.log_in("ann", f"wrong password {number}") is None
        except Busy:
            return False

    with ThreadPoolExecutor(16) as pool:
        looked_at = sum(pool.map(guess, range(48)))
    assert looked_at == MOST_FAILURES


@pytest.mark.parametrize(
    ("name", "password", "text"),
    [("", PASSWORD, "cannot be a name"), ("a|b", PASSWORD, "cannot be a name"), ("cid", "short", "8 to 1024")],
)
def test_names_and_passwords_that_cannot_be_are_refused(file: Path, name: str, password: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        set_account(file, name, password, "reader")


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lesion-tracker account .*none\.json NAME"):
        AccountsFile(tmp_path / "none.json")


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 2}', '{"schema": 1, "key": "zz", "accounts": []}'])
def test_a_damaged_file_stops_the_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(FileFormatError, match=r"a\.json"):
        AccountsFile(tmp_path / "a.json")
    entry = {"name": "x", "role": "king", "salt": "00", "scrypt": "00"}
    (tmp_path / "a.json").write_text(json.dumps({"schema": 1, "key": "00", "accounts": [entry]}))
    with pytest.raises(FileFormatError, match="damaged"):
        read_accounts(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("method", "path", "admin"),
    [
        ("POST", "/train/track_lesion", True),
        ("DELETE", "/train/", True),
        ("GET", "/train/", False),
        ("POST", "/models/rollback", True),
        ("PUT", "/model/track_lesion", True),
        ("DELETE", "/datastore/", True),
        ("PUT", "/datastore/", False),
        ("POST", "/infer/track_lesion", False),
    ],
)
def test_what_needs_an_admin(method: str, path: str, admin: bool) -> None:
    assert needs_admin(method, path) is admin


def test_the_cookie_is_found_among_others() -> None:
    assert cookie_of("a=1; lesion_tracker=abc.def; b=2") == "abc.def"
    assert cookie_of("a=1") == ""
    assert cookie_of("===;;") == ""
