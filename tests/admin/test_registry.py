"""The table of methods: contradictory declarations are errors, secrets are redacted."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from wacrmd.admin.protocol import RpcError
from wacrmd.admin.registry import Method, Registry
from wacrmd.domain.actor import Level
from wacrmd.operations.inputs import Address, File, NoParams, Params
from wacrmd.operations.problems import json_path


class Inner(BaseModel):
    secret: SecretStr


class Things(Params):
    name: str = "x"
    token: SecretStr | None = None
    inner: Inner | None = None
    listed: list[str | Inner] = []  # noqa: RUF012 - pydantic copies it


async def plain(context: None, params: Any, caller: Any) -> None: ...


async def items(context: None, params: Any, caller: Any) -> AsyncGenerator[int, None]:
    yield 1


def method(**changed: Any) -> Method[None]:
    fields: dict[str, Any] = {"name": "a.b", "level": Level.READ, "summary": "s", "handler": plain}
    return Method(**(fields | changed))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": "A b"}, "noun.verb"),
        ({"changes": True}, "readers may not change"),
        ({"stream": True}, "yields its items"),
        ({"handler": items}, "returns its result"),
        ({"params": Things, "example": {"nmae": "x"}}, "nmae"),
    ],
)
def test_a_method_with_contradictory_declarations_is_an_error(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        method(**changed)


def test_a_name_can_be_registered_only_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        Registry([method(), method()])


def test_secrets_are_left_out_of_the_audit() -> None:
    given = {
        "name": "Ana",
        "token": "S3CRET",
        "inner": {"secret": "S3CRET"},
        "listed": ["a", {"secret": "S3CRET"}],
        "unknown": "S3CRET",
    }
    kept = method(params=Things).audited(given)
    assert kept["name"] == "Ana"
    assert "S3CRET" not in str(kept)
    assert kept.keys() == given.keys()


def test_long_values_and_many_names_are_cut_in_the_audit() -> None:
    kept = method(params=Things).audited({"name": "x" * 10_000, "listed": ["y" * 10] * 1000})
    assert len(kept["name"]) == 501
    assert kept["listed"] == "[1000 values]"
    assert len(method().audited({str(number): 1 for number in range(1000)})) == 50


def test_an_error_about_a_secret_does_not_contain_it() -> None:
    with pytest.raises(RpcError) as raised:
        method(params=Things).validate({"token": ["S3CRET"], "inner": {"secret": {"x": "S3CRET"}}})
    assert "inner.secret" in raised.value.message
    assert "S3CRET" not in raised.value.message + str(raised.value.data)


def test_methods_are_listed_by_name_and_described() -> None:
    registry = Registry([method(name="z"), method(name="b.c")])
    assert [one.name for one in registry] == ["b.c", "rpc.describe", "z"]
    assert registry.find("z").params is NoParams
    with pytest.raises(RpcError, match=r"rpc\.describe lists all"):
        registry.find("something.else")


def test_a_parameter_with_an_audited_form_is_kept_in_that_form_only() -> None:
    class Person(Params):
        phone: Address = "+14155550123"
        csv: File = "phone"

    person = method(params=Person)
    assert person.audited({"phone": "+1 (415) 200-0000", "csv": "phone\n"}) == {
        "phone": "+14152000000",
        "csv": "[6 characters]",
    }
    kept = person.audited({"phone": ["+1 (415) 200-0000"], "csv": ["1 415 200 0000"]})
    assert kept == {"phone": "[redacted]", "csv": "[redacted]"}


def test_paths_of_parameters_are_written_with_dots_and_brackets() -> None:
    assert json_path(("recipients", 3, "params", 1)) == "recipients[3].params[1]"
    assert json_path((0, "a")) == "[0].a"
    assert json_path(()) == ""
