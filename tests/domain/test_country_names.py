"""The names of countries: each country whose numbers are known has one, and they cost little."""

import subprocess
import sys

from wacrmd.domain.country_names import NAMES, name_of
from wacrmd.domain.phone_plan import COUNTRIES


def test_each_country_has_a_name() -> None:
    assert set(NAMES) == COUNTRIES
    assert (name_of("DE"), name_of("CI"), name_of("ZZ")) == ("Germany", "C\u00f4te d'Ivoire", "ZZ")


def test_the_large_table_of_the_library_is_not_loaded() -> None:
    code = (
        "import sys; from wacrmd.domain.plain_words import plainly; print(plainly('is of DE'));"
        "assert not any('geodata' in each for each in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "is of Germany\n"
