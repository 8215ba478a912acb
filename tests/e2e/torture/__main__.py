"""The command: `python -m tests.e2e.torture`."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import anyio

import tests.e2e.torture
from tests.e2e.torture.run import torture


def main() -> int:
    """Exit code 0 when every promise held."""
    parser = argparse.ArgumentParser(prog="torture", description=tests.e2e.torture.__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wacrmd-torture-"))
    report = anyio.run(
        torture, chosen.kills, chosen.seed, folder, sys.stderr, backend_options={"use_uvloop": True}
    )
    sys.stdout.write(report.text() + "\n")
    if report.problems:
        sys.stdout.write(f"database and log are kept in {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
