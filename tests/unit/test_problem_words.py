"""What is wrong with parameters, in words."""

import pytest
from pydantic import ValidationError

from wacrmd.operations.broadcast_inputs import NewBroadcast
from wacrmd.operations.problems import problems_of
from wacrmd.operations.recipient_inputs import MAX_PARAMS


@pytest.mark.parametrize(
    "params", [["a"] * (MAX_PARAMS + 1), {f"name{each}": "a" for each in range(MAX_PARAMS + 1)}]
)
def test_too_many_parameters_are_counted(params: object) -> None:
    recipients = [{"to": "+14155550123", "params": params}]
    with pytest.raises(ValidationError) as error:
        NewBroadcast.model_validate({"template_name": "hello", "recipients": recipients})
    (problem,) = problems_of(error.value, NewBroadcast)
    assert problem.path == "recipients[0].params"
    assert problem.message == "expected at most 100 items, found 101"
