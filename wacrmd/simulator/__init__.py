"""The simulated Meta: it plays the parts of the Graph API that wacrmd uses.

It imports nothing of the rest. Only `cli` and `demo` import it.
"""

from wacrmd.simulator.options import OptionError, Options
from wacrmd.simulator.server import Simulator

__all__ = ["OptionError", "Options", "Simulator"]
