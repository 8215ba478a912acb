"""What the single executable runs."""

import sys

from wacrmd.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
