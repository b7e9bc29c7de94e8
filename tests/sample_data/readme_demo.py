"""`python -m tests.sample_data.readme_demo`: puts the output and the picture of `make demo` into the README anew."""

import shutil
import subprocess
import sys

from lesion_tracker.places import APP, CHECKOUT

BEGIN, END = "<!-- demo: begin -->\n", "<!-- demo: end -->\n"


def main() -> int:
    """Run the demo as `make demo` does; if it succeeds, copy what it said and drew."""
    assert CHECKOUT is not None
    command = [sys.executable, str(APP / "main.py"), "demo"]
    done = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return done.returncode
    shutil.copy(CHECKOUT / "build" / "demo.png", CHECKOUT / "docs" / "demo.png")
    readme = CHECKOUT / "README.md"
    text = readme.read_text()
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    said = ["$ make demo", *done.stdout.strip().split("\n")]
    block = "".join(f"    {line}".rstrip() + "\n" for line in said)
    readme.write_text(f"{before}{BEGIN}{block}\n![The lesion in both studies](docs/demo.png)\n{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
