"""The first that the executable runs: Ctrl-C ends it quietly, also while Python still imports the command."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
"""As in `exit_codes.py`; nothing of ours is imported before Ctrl-C is looked after."""


def run() -> int:
    """Run the command line of this process; its exit code."""
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_default:  # else it is ignored, as in the background of a script
        signal.signal(signal.SIGINT, _end)
    from wacrmd.cli.main import main  # noqa: PLC0415 - takes a tenth of a second

    if is_default:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return main()


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(run())
