"""How much is measured: full sizes, or small ones that show in a minute that nothing is broken."""

from dataclasses import dataclass

Numbers = dict[str, float]
"""What one run of a script measured, by name."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of the benchmarks."""

    runs: int = 3
    accepts: int = 200
    broadcasts: int = 20
    webhooks: int = 15_000
    day_minutes: float = 5
    start_recipients: int = 1_000_000
    year_recipients: int = 10_000_000
    memory_messages: int = 300_000
    idle_s: float = 60
    overload_s: float = 20


QUICK = Scale(
    runs=1,
    accepts=40,
    broadcasts=5,
    webhooks=3_000,
    day_minutes=0.5,
    start_recipients=100_000,
    year_recipients=200_000,
    memory_messages=20_000,
    idle_s=10,
    overload_s=5,
)
