"""`account`: add, change or remove an account of a server's accounts file."""

import argparse
import getpass
import sys
from pathlib import Path

from lesion_tracker.errors import InputError
from lesion_tracker.server.access.accounts_file import remove_account, set_account


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("file", type=Path, help="the accounts file; made where there is none")
    parser.add_argument("name")
    parser.add_argument("--role", choices=("reader", "admin"), default="reader", help="admin: also train and roll back")
    parser.add_argument("--remove", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Ask for the password, or read it from standard input where that is no terminal; change the file."""
    if args.remove:
        remove_account(args.file, args.name)
    else:
        set_account(args.file, args.name, _password(args.name), args.role)
    print(f"{args.file}: {args.name} {'removed' if args.remove else f'has the role {args.role}'}")
    return 0


def _password(name: str) -> str:
    """Return what is typed twice at a terminal, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    try:
        typed = getpass.getpass(f"password of {name}: ")
        again = getpass.getpass("the same again: ")
    except EOFError:
        raise InputError(f"no password was typed; nothing is changed for {name}") from None
    if typed != again:
        raise InputError(f"the two passwords are not the same; nothing is changed for {name}")
    return typed
