"""Adds, changes or removes an account of a server: `account.py FILE NAME [--role admin] [--remove]`."""

import argparse
import getpass
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lesion_tracker.errors import InputError
from lesion_tracker.server.access.accounts import remove_account, set_account


def main() -> int:
    """Ask for the password, or read it from standard input where that is no terminal; change the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the accounts file; made where there is none")
    parser.add_argument("name")
    parser.add_argument("--role", choices=("reader", "admin"), default="reader", help="admin: also train and roll back")
    parser.add_argument("--remove", action="store_true")
    args = parser.parse_args()
    try:
        if args.remove:
            remove_account(args.file, args.name)
        else:
            asked = getpass.getpass(f"password of {args.name}: ") if sys.stdin.isatty() else sys.stdin.readline()
            set_account(args.file, args.name, asked.rstrip("\n"), args.role)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{args.file}: {args.name} {'removed' if args.remove else f'is a {args.role}'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
