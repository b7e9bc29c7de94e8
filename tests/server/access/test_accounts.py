"""Accounts: passwords, tokens that end, and what the guard lets through."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lesion_tracker.errors import Busy, FileFormatError, InputError
from lesion_tracker.server.access.accounts import LIFETIME_S
from lesion_tracker.server.access.accounts_file import AccountsFile, read_accounts, remove_account, set_account
from lesion_tracker.server.access.guard import cookie_of
from lesion_tracker.server.access.throttle import MOST_ADDRESSES, MOST_FAILURES, MOST_OF_ADDRESS, Throttle

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


def test_the_cookie_is_found_among_others() -> None:
    assert cookie_of("a=1; lesion_tracker=abc.def; b=2") == "abc.def"
    assert cookie_of("a=1") == ""
    assert cookie_of("===;;") == ""


def test_nobody_locks_another_address_out_and_spraying_names_ends(file: Path) -> None:
    server = AccountsFile(file)
    for _ in range(MOST_FAILURES):
        server.log_in("ann", "wrong password", "10.0.0.66")
    with pytest.raises(Busy):
        server.log_in("ann", PASSWORD, "10.0.0.66")
    assert server.log_in("ann", PASSWORD, "10.0.0.7")
    for number in range(MOST_OF_ADDRESS):
        server._throttle.attempt(f"u{number}", "10.0.0.8")
    with pytest.raises(Busy):
        server._throttle.attempt("another", "10.0.0.8")


def test_a_flood_of_addresses_neither_grows_nor_empties_the_table() -> None:
    throttle = Throttle(lambda: 0.0)
    for _ in range(MOST_FAILURES):
        throttle.attempt("boss", "10.0.0.66")
    for number in range(MOST_ADDRESSES + 50):
        throttle.attempt(f"u{number}", f"10.{number // 65536}.{number // 256 % 256 + 1}.{number % 256}")
    assert len(throttle._failures) <= MOST_ADDRESSES + 1
    with pytest.raises(Busy):
        throttle.attempt("boss", "10.0.0.66")


def test_a_household_with_ipv6_is_one_address() -> None:
    throttle = Throttle()
    for number in range(MOST_FAILURES):
        throttle.attempt("boss", f"2001:db8::{number}")
    with pytest.raises(Busy):
        throttle.attempt("boss", "2001:db8::ffff")
    throttle.attempt("boss", "2001:db8:0:1::1")


def test_an_endless_name_is_not_kept(file: Path) -> None:
    server = AccountsFile(file)
    assert server.log_in("a" * 900_000, "x", "10.0.0.9") is None
    assert server.log_in("ann", "x" * 900_000, "10.0.0.9") is None
    assert len(repr(server._throttle._failures)) < 500


def test_a_log_out_ends_the_token_for_good(file: Path) -> None:
    server = AccountsFile(file)
    token, other = server.log_in("ann", PASSWORD), server.log_in("ann", PASSWORD)
    assert token is not None
    server.end(token)
    assert server.of_token(token) is None
    assert other is not None
    assert server.of_token(other) is not None  # also where both logged in within one second
    assert AccountsFile(file).of_token(token) is None  # a restart
    server.end("no token")


def test_a_file_that_others_can_read_is_warned_of(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.chmod(0o644)
    AccountsFile(file)
    assert "chmod 600" in caplog.text


def test_accounts_that_are_set_at_once_are_all_there(file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: set_account(file, f"u{number}", PASSWORD, "reader"), range(16)))
    assert len(read_accounts(file).accounts) == 17
