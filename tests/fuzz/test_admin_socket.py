"""The admin socket: any bytes are answered or end the connection, and no parameters of a method are an internal error."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.files_of_people import files_of_people
from tests.fuzz.fuzzed_site import AdminSocket, FuzzedSite
from tests.fuzz.growth import assert_grows_in_proportion
from tests.fuzz.mutations import VALUES, Seeds, dumped, mutated_bytes, mutated_json
from wacrmd.admin import protocol
from wacrmd.admin.protocol import MAX_REQUEST, RpcError
from wacrmd.operations.operation import ResultKind
from wacrmd.operations.table import OPERATIONS

NOT_CALLED = {
    "backup",  # would write to whatever path the parameters name
    "drain",  # from then on everything is refused
    "account.remove",
    "account.rename",  # the site loses its account
    "number.remove",
    "webhook.add",  # looks up the names of hosts
    "webhook.set",
    "number.add",
}
CALLS = [
    {"jsonrpc": "2.0", "id": 1, "method": each.name, "params": each.example}
    for each in OPERATIONS
    if each.admin is not None and each.kind is not ResultKind.STREAM and each.name not in NOT_CALLED
]
LINES = [dumped(call) + b"\n" for call in CALLS]
STATUS = {"jsonrpc": "2.0", "id": "last", "method": "clock.show", "params": {}}
TOKENS = (
    b"\n",
    b"\r\n",
    b'{"jsonrpc":"2.0","id":2,"method":"me"}\n',
    b"\0",
    b"[" * 200,
    b"\xff",
    b'"id":null',
    b"9" * 400,
    b"{}",
    b"[]\n",
)


def allowed(method: str) -> bool:
    """Whether a line may call this method: it is not one that is left out, and does not stream."""
    return method not in NOT_CALLED and not any(
        each.name == method and each.kind is ResultKind.STREAM for each in OPERATIONS
    )


def methods_in(data: bytes) -> list[str]:
    """What the lines call."""
    found = []
    for line in data.split(b"\n"):
        try:
            found.append(protocol.decode_request(line).method)
        except RpcError:
            continue
    return found


@examples(40)
@given(st.lists(mutated_bytes(LINES, TOKENS, changes=3), min_size=1, max_size=4), st.booleans())
def test_every_line_is_answered_once_whatever_its_bytes(
    here: FuzzedSite, pieces: list[bytes], close: bool
) -> None:
    data = b"".join(pieces) + b"\n"
    if not all(map(allowed, methods_in(data))):
        return
    expected = sum(1 for line in data.split(b"\n") if line.strip())
    with AdminSocket(here.admin_socket) as client:
        for piece in pieces:
            client.send(piece)
        client.send(b"\n" if close else b"\n" + dumped(STATUS) + b"\n", and_close=True)
        answers = list(client.lines())
    assert len(answers) == expected + (not close)
    assert not [each for each in answers if each.get("error", {}).get("code") == -32603]
    if not close:
        assert "result" in next(each for each in answers if each["id"] == "last")


@examples(100)
@given(st.sampled_from(Seeds(CALLS)), st.data())
def test_no_parameters_are_an_internal_error(
    here: FuzzedSite, call: dict[str, Any], data: st.DataObject
) -> None:
    params = data.draw(
        mutated_json([call["params"]]) | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3)
    )
    line = dumped({**call, "params": params})
    with AdminSocket(here.admin_socket) as client:
        client.send(line + b"\n")
        answer = client.read()
    assert answer["id"] in (1, None)
    error = answer.get("error", {})
    assert error.get("code") != -32603
    assert error.get("data", {}).get("code") != "internal_error"


@examples(40)
@given(files_of_people())
def test_a_file_that_is_imported_again_adds_nobody(here: FuzzedSite, text: str) -> None:
    params = {"account": "shop", "csv": text}
    line = dumped({"jsonrpc": "2.0", "id": 1, "method": "optout.import", "params": params}) + b"\n"
    with AdminSocket(here.admin_socket) as client:
        client.send(line)
        first = client.read()
        client.send(line)
        second = client.read()
    if "error" in first:
        assert first["error"]["data"]["code"] == "bad_request"
        assert second == first
        return
    before, after = first["result"], second["result"]
    assert after["added"] == 0
    assert after == {**before, "added": 0, "known": before["added"] + before["known"]}


NAMES = sorted({name for each in OPERATIONS for name in each.admin_params.model_fields})


@examples(100)
@given(mutated_bytes(LINES, TOKENS) | VALUES.map(dumped) | mutated_json(CALLS).map(dumped))
@example(b"[" * 500_000)
@example(b'{"jsonrpc": "2.0", "id": true, "method": "me"}')
@example(b'{"jsonrpc": "2.0", "id": [1], "method": "me"}')
def test_a_line_is_a_request_or_an_error_with_an_id_of_the_caller(line: bytes) -> None:
    try:
        request = protocol.decode_request(line)
    except RpcError as error:
        answer = json.loads(protocol.encode_error(error.request_id, error))
        assert answer["error"]["code"] in (-32700, -32600, -32602)
        return
    assert type(request.id) in (int, str)
    assert protocol.decode_request(protocol.encode_request(request)) == request


@examples(6)
@given(st.sampled_from((b"[", b'{"a":', b"[{},", b'"\\u0000",', b"9", b" ", b'{"id":1},')))
def test_a_line_is_decoded_in_linear_time(unit: bytes) -> None:
    def decode(line: bytes) -> None:
        try:
            protocol.decode_request(line)
        except RpcError:
            return

    assert_grows_in_proportion(lambda size: unit * (size // len(unit)), decode, MAX_REQUEST // 4)


@pytest.mark.exhaustive(only=True)
def test_lines_that_are_too_long_or_never_end_cost_only_their_connection(here: FuzzedSite) -> None:
    for data in (b"x" * (MAX_REQUEST + 1), b"\n" * MAX_REQUEST, b'{"a":' * (MAX_REQUEST // 5), b"x" * 100):
        with AdminSocket(here.admin_socket) as client:
            client.send(data, and_close=True)
            assert len(list(client.lines())) <= 1
    with AdminSocket(here.admin_socket) as client:
        client.send(dumped(STATUS) + b"\n")
        assert "result" in client.read()
