"""`account`: add, change or remove an account of a server's accounts file."""

import argparse
import getpass
import sys
from pathlib import Path

from lesion_tracker.server.access.accounts import remove_account, set_account


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
        asked = getpass.getpass(f"password of {args.name}: ") if sys.stdin.isatty() else sys.stdin.readline()
        set_account(args.file, args.name, asked.rstrip("\n"), args.role)
    print(f"{args.file}: {args.name} {'removed' if args.remove else f'is a {args.role}'}")
    return 0
