"""One test for all rows of a table: a test of its own for each took more time than the row."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import pytest

Check = Callable[..., None]


def rows(names: str | tuple[str, ...], table: Iterable[Any]) -> Callable[[Check], Check]:
    """Like `pytest.mark.parametrize`, in one test: it checks all rows, and fails with each one that does.

    For pure code: the rows share the fixtures. Decorate twice for all pairs of two tables.
    """
    columns = (names,) if isinstance(names, str) else names
    found = [(row,) if isinstance(names, str) else row for row in table]
    assert found, "a table without rows proves nothing"

    def decorate(check: Check) -> Check:
        @wraps(check)
        def test(**fixtures: Any) -> None:
            failed = []
            for row in found:
                case = dict(zip(columns, row, strict=True))
                try:
                    check(**fixtures, **case)
                except (Exception, BaseExceptionGroup, pytest.fail.Exception) as error:  # noqa: BLE001 - raised below
                    error.add_note(f"with {case!r:.500}")
                    failed.append(error)
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(found)} rows", failed)

        parameters = inspect.signature(check).parameters
        missing = set(columns) - set(parameters)
        assert not missing, f"{check.__name__} does not take {missing}"
        del test.__wrapped__  # pytest would ask it for the fixtures
        test.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [each for name, each in parameters.items() if name not in columns]
        )
        return test

    return decorate
