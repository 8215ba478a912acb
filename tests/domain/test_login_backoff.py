"""How long somebody waits who gave wrong passwords."""

import pytest

from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.domain.login_backoff import (
    FADES_AFTER,
    FREE_TRIES,
    LONGEST_WAIT,
    MAX_KEYS,
    By,
    Key,
    LoginBackoff,
    keys_of,
    network_of,
)

HERE = keys_of("ann", "192.0.2.7", None)


def wrong(backoff: LoginBackoff, keys: tuple[Key, ...], times: int, now: int = 0) -> int:
    """So many wrong passwords, each as soon as it is allowed; the time after the last."""
    for _ in range(times):
        now += backoff.wait(keys, now)
        backoff.try_(keys, now)
    return now


def test_some_wrong_passwords_cost_nothing_and_then_each_doubles_the_wait() -> None:
    backoff = LoginBackoff()
    wrong(backoff, HERE, FREE_TRIES - 1)
    assert backoff.wait(HERE, 0) == 0
    waits = []
    now = 0
    for _ in range(12):
        backoff.try_(HERE, now)
        waits.append(backoff.wait(HERE, now))
        now += waits[-1]
    assert waits[:5] == [2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND, 32 * SECOND]
    assert waits[-1] == LONGEST_WAIT[By.NETWORK]


def test_strangers_from_everywhere_make_a_name_wait_a_minute_and_no_longer() -> None:
    backoff = LoginBackoff()
    for each in range(1000):
        backoff.try_(keys_of("ann", f"10.0.{each // 250}.{each % 250}", None), 0)
    assert backoff.wait(keys_of("ann", "192.0.2.7", None), 0) == MINUTE
    assert backoff.wait(keys_of("ben", "192.0.2.7", None), 0) == 0


def test_they_do_not_make_a_browser_wait_that_has_logged_in_before() -> None:
    backoff = LoginBackoff()
    wrong(backoff, HERE, 30)
    known = keys_of("ann", "192.0.2.7", "browser")
    assert backoff.wait(known, 0) == 0
    wrong(backoff, known, FREE_TRIES)
    assert backoff.wait(known, 0) > 0


def test_who_has_a_name_does_not_reset_what_was_guessed_from_the_same_network() -> None:
    backoff = LoginBackoff()
    own, now, guesses = keys_of("mallory", "192.0.2.7", None), 0, 0
    while now < HOUR:
        now += backoff.wait(HERE, now)
        backoff.try_(HERE, now)
        guesses += 1
        now += backoff.wait(own, now)
        backoff.try_(own, now)
        backoff.succeeded(own, now)
        now += SECOND
    assert guesses < 60


def test_wrong_passwords_fade() -> None:
    backoff = LoginBackoff()
    now = wrong(backoff, HERE, 40)
    backoff.try_(HERE, now + 20 * FADES_AFTER)
    assert backoff.wait(HERE, now + 20 * FADES_AFTER) == 0


def test_a_day_of_guesses_from_one_address_and_from_a_botnet() -> None:
    """The figures of docs/adr/0026-sessions-of-the-dashboard.md."""
    for keys, most in ((HERE, 120), ((HERE[0],), 1500)):
        backoff, now, guesses = LoginBackoff(), 0, 0
        while now < 24 * HOUR:
            now += backoff.wait(keys, now) or SECOND
            backoff.try_(keys, now)
            guesses += 1
        assert most * 0.6 < guesses < most


def test_what_is_remembered_is_bounded_and_the_newest_stays() -> None:
    backoff = LoginBackoff()
    for each in range(2 * MAX_KEYS):
        backoff.try_(keys_of(f"name{each}", None, None), 0)
    wrong(backoff, HERE, FREE_TRIES)
    assert len(backoff._tries) == MAX_KEYS
    assert backoff.wait(HERE, 0) > 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_an_address_is_that_of_its_owner(address: str | None, network: str | None) -> None:
    assert network_of(address) == network
    assert len(keys_of("ann", address, None)) == (1 if network is None else 2)


def test_a_name_is_the_same_in_upper_and_lower_case() -> None:
    assert keys_of("ANN", None, None) == keys_of("ann", None, None)


def test_a_login_is_known_by_its_name_and_network_or_by_its_browser_alone() -> None:
    assert keys_of("ann", "192.0.2.7", None) == (Key(By.NAME, "ann"), Key(By.NETWORK, "192.0.2.7"))
    assert keys_of("ann", "192.0.2.7", "chrome") == (Key(By.BROWSER, "chrome"),)


def test_a_right_password_ends_the_wait_and_takes_back_one_wrong_one() -> None:
    backoff = LoginBackoff()
    now = wrong(backoff, HERE, FREE_TRIES)
    backoff.succeeded((Key(By.BROWSER, "unknown"), *HERE), now)
    assert backoff.wait(HERE, now) == 0
    backoff.try_(HERE, now)
    assert backoff.wait(HERE, now) == 2 * SECOND


def test_after_right_passwords_alone_all_free_tries_are_left() -> None:
    backoff = LoginBackoff()
    backoff.try_(HERE, 0)
    for _ in range(3):
        backoff.succeeded(HERE, 0)
    wrong(backoff, HERE, FREE_TRIES - 1)
    assert backoff.wait(HERE, 0) == 0
    backoff.try_(HERE, 0)
    assert backoff.wait(HERE, 0) == 2 * SECOND


def test_a_right_password_from_a_known_browser_forgets_its_wrong_ones() -> None:
    backoff, known = LoginBackoff(), keys_of("ann", None, "browser")
    now = wrong(backoff, known, FREE_TRIES + 3)
    backoff.succeeded(known, now)
    wrong(backoff, known, FREE_TRIES - 1, now)
    assert backoff.wait(known, now) == 0
