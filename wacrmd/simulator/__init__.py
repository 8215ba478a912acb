"""The simulated Meta: it plays the parts of the Graph API that wacrmd uses."""

from wacrmd.simulator.options import OptionError, Options
from wacrmd.simulator.server import Simulator

__all__ = ["OptionError", "Options", "Simulator"]
