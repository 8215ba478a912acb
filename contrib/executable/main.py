"""What the single executable runs."""

import sys

from wacrmd.cli.entry import run

if __name__ == "__main__":
    sys.exit(run())
