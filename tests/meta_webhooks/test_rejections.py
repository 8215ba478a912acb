"""How often rejected requests are logged."""

from wacrmd.meta_webhooks.rejections import INTERVAL, Rejections


def test_the_first_is_logged_and_then_one_in_each_interval_with_the_number_of_all() -> None:
    rejections = Rejections()
    assert [rejections.add(1000) for _ in range(4)] == [1, None, None, None]
    assert rejections.add(1000 + INTERVAL - 1) is None
    assert rejections.add(1000 + INTERVAL) == 5
    assert rejections.add(1000 + INTERVAL) is None
