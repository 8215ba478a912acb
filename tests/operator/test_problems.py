"""What is wrong with parameters, in words for callers."""

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from tests.support.table import rows
from wacrmd.api.form import Form
from wacrmd.operations.problems import problems_of
from wacrmd.operations.table import OPERATIONS

WRONG: tuple[object, ...] = (None, True, 5, -5, 1.5, 10**30, "", "x", "x" * 5000, [], [1], {}, {"a": 1})
OURS = re.compile(r"expected |is required|there is no such parameter|unknown field ")
PYDANTICS = re.compile(r"Input|String|List|Value error|pattern '|parse")


def models() -> Iterator[type[BaseModel]]:
    """Everything that callers are asked to fit."""
    for operation in OPERATIONS:
        yield operation.params
        yield operation.admin_params
        if operation.http is not None:
            form = Form.of(operation)
            yield from (model for model in (form.query, form.body) if model is not None)


@rows("model", sorted(set(models()), key=str))
def test_every_message_says_what_was_expected(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        for value in WRONG:
            try:
                model.model_validate({field.alias or name: value})
            except ValidationError as error:
                for problem in problems_of(error, model):
                    assert OURS.match(problem.message), (name, problem)
                    assert not PYDANTICS.search(problem.message), (name, problem)


class Sample(BaseModel):
    """Some fields."""

    text: str
    count: int
    names: list[str]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": 5}, "text: expected a string, found an integer"),
        ({"text": None}, "text: expected a string, found null"),
        ({"text": ["secret"]}, "text: expected a string, found an array"),
        ({"count": "x"}, "count: expected an integer"),
        ({"count": 1.5}, "count: expected an integer"),
        ({"names": {"a": 1}}, "names: expected an array, found an object"),
        ({"names": "secret"}, "names: expected an array, found a string"),
    ],
)
def test_a_message_says_of_which_kind_the_value_is_and_not_the_value(
    given: dict[str, object], message: str
) -> None:
    valid = {"text": "", "count": 1, "names": []}
    with pytest.raises(ValidationError) as error:
        Sample.model_validate(valid | given)
    (problem,) = problems_of(error.value, Sample)
    assert f"{problem.path}: {problem.message}" == message
