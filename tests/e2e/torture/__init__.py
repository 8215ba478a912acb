"""Torments the real daemon again and again while it sends, then compares its database with Meta's ledger.

The daemon is a process of its own that gets SIGKILL at random moments, also while it starts; mishaps.py has what else
happens to it. The simulated Meta runs in this process and is never killed; it closes connections, hangs, sends half a
response or 502, rejects and throttles. It posts its webhooks early, late, twice, shuffled and in batches, and repeats them
until they are accepted. Clients post broadcasts, drafts and single messages; rules and persons send again to those whose
message failed, while some of these opt out, and days pass. What it costs in the end is compared with Meta's bill, and the
statistics with the rows.

    python -m tests.e2e.torture --kills 300 --seed 1
"""

from tests.e2e.torture.compare import expected
from tests.e2e.torture.run import torture

__all__ = ["expected", "torture"]
