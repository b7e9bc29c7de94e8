"""`account`: the password comes from standard input where nobody can be asked; mistakes are one line."""

import io

from lesion_tracker.commands.dispatch import main
from lesion_tracker.server.access.accounts_file import read_accounts


def test_an_account_is_added_and_removed(tmp_path, monkeypatch, capsys):
    file = tmp_path / "accounts.json"
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["account", str(file), "boss", "--role", "admin"]) == 0
    assert capsys.readouterr().out == f"{file}: boss has the role admin\n"
    assert read_accounts(file).accounts["boss"].role == "admin"
    assert main(["account", str(file), "boss", "--remove"]) == 0
    assert read_accounts(file).accounts == {}


def test_a_short_password_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["account", str(tmp_path / "accounts.json"), "ann"]) == 2
    assert capsys.readouterr().err == "error: a password has 8 to 1024 characters, this one 5\n"


def typed(monkeypatch, *answers):
    """Let a reader at a terminal type the answers; None is Ctrl-D."""
    left = list(answers)

    def ask(question):
        answer = left.pop(0)
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", ask)


def test_at_a_terminal_the_password_is_asked_for_twice(tmp_path, monkeypatch, capsys):
    file = tmp_path / "accounts.json"
    typed(monkeypatch, "correct horse", "correct hors")
    assert main(["account", str(file), "ann"]) == 2
    assert "the two passwords are not the same; nothing is changed for ann" in capsys.readouterr().err
    typed(monkeypatch, None)
    assert main(["account", str(file), "ann"]) == 2
    assert "no password was typed" in capsys.readouterr().err
    assert not file.exists()
    typed(monkeypatch, "correct horse", "correct horse")
    assert main(["account", str(file), "ann"]) == 0
