"""Meta's webhooks in any shape: nothing crashes, one strange part costs no other, and the work is in proportion."""

import json
from pathlib import Path
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.fuzzed_site import FuzzedSite, signed
from tests.fuzz.growth import assert_grows_in_proportion
from tests.fuzz.mutations import VALUES, Seeds, dumped, mutated_bytes, mutated_json, mutated_text
from tests.support.site import PHONE_NUMBER_ID, WABA_ID
from wacrmd.config import Config
from wacrmd.domain.callback_token import callback_token, parse_callback_token
from wacrmd.domain.keywords import matching_keyword, normalized, words_of
from wacrmd.meta import webhook
from wacrmd.meta.inbound import Unreadable

RECEIVED_AT = 1767225600000
LARGEST = Config().webhooks.max_body_bytes
PAYLOADS = [
    json.loads(file.read_text())["payload"]
    for file in sorted((Path(__file__).parents[1] / "meta" / "webhooks").glob("*.json"))
]
BODIES = [json.dumps(payload).encode() for payload in PAYLOADS]
ENTRIES = [entry for payload in PAYLOADS if isinstance(payload, dict) for entry in payload.get("entry", ())]
TOKENS = (
    b'"messages":',
    b'"statuses":',
    b"null",
    b"NaN",
    b"-1",
    b"9" * 5000,
    b"\\ud800",
    b"[" * 50,
    b"{}",
    b'"STOP"',
    b"\xff",
    b"1e999",
)
STRANGE_PAYLOADS = mutated_json(PAYLOADS) | VALUES


@examples(200)
@given(STRANGE_PAYLOADS)
def test_a_payload_of_any_shape_is_read_and_always_the_same(payload: Any) -> None:
    updates = webhook.parse(payload, RECEIVED_AT)
    assert webhook.parse(payload, RECEIVED_AT) == updates


@examples(120)
@given(mutated_bytes(BODIES, TOKENS) | st.binary(max_size=40))
def test_a_body_of_any_bytes_is_decoded_or_refused(body: bytes) -> None:
    try:
        payload = webhook.decode(body)
    except ValueError:
        return
    webhook.parse(payload, RECEIVED_AT)


def of_entries(entries: list[Any]) -> list[webhook.Update]:
    """What the entries say, without what is said about the list of them."""
    updates = webhook.parse({"object": "whatsapp_business_account", "entry": entries}, RECEIVED_AT)
    return [
        each for each in updates if not (isinstance(each, Unreadable) and each.reason.startswith("entry "))
    ]


@examples(80)
@given(mutated_json(ENTRIES), st.sampled_from(Seeds(ENTRIES)), st.booleans())
def test_how_an_entry_is_read_does_not_depend_on_its_neighbour(strange: Any, good: Any, first: bool) -> None:
    alone = of_entries([good])
    found = of_entries([good, strange] if first else [strange, good])
    assert (found[: len(alone)] if first else found[len(found) - len(alone) :]) == alone


TOKEN_OF_SAMPLES = b"wacrmd:u:1:1"


def opt_out(phone: str) -> dict[str, Any]:
    """The entry of a webhook in which somebody writes STOP."""
    wa_id = phone.removeprefix("+")
    message = {
        "id": f"wamid.{wa_id}",
        "from": wa_id,
        "timestamp": "1750000000",
        "type": "text",
        "text": {"body": "STOP"},
    }
    metadata = {"display_phone_number": "15550783881", "phone_number_id": PHONE_NUMBER_ID}
    value = {
        "messaging_product": "whatsapp",
        "metadata": metadata,
        "contacts": [{"wa_id": wa_id}],
        "messages": [message],
    }
    return {"id": WABA_ID, "changes": [{"field": "messages", "value": value}]}


@examples(40)
@given(st.lists(mutated_json(ENTRIES), min_size=1, max_size=3))
def test_a_strange_entry_does_not_cost_the_stop_beside_it(here: FuzzedSite, strange: list[Any]) -> None:
    """The whole way: signature, JSON, parsing, and one transaction on the real file."""
    phone = here.phone()
    body = dumped({"object": "whatsapp_business_account", "entry": [*strange, opt_out(phone), *strange]})
    body = body.replace(TOKEN_OF_SAMPLES, callback_token(here.broadcast_id, 1, 1).encode())
    assume(len(body) <= LARGEST)
    with here.hook as hook, here.api as api:
        answer = hook.post(**signed(body))
        assert answer.status_code == 200, answer.text
        assert api.delete(f"/api/v1/optouts/{phone}").status_code == 200
        shown = api.get(f"/api/v1/broadcasts/{here.broadcast_id}").json()["data"]
    parts = ("sent", "failed", "pending", "uncertain", "cancelled")
    assert sum(shown[f"{part}_count"] for part in parts) == shown["total_recipients"] == 3
    assert shown["sent_count"] >= shown["delivered_count"] >= shown["read_count"]


@examples(40)
@given(mutated_bytes(BODIES, TOKENS))
def test_a_signed_body_of_any_bytes_is_answered(here: FuzzedSite, body: bytes) -> None:
    with here.hook as hook:
        assert hook.post(**signed(body)).status_code in (200, 400)


@examples(8)
@given(
    mutated_json(ENTRIES), st.sampled_from(("entry", "changes", "messages", "contacts", "statuses", "errors"))
)
def test_a_payload_is_read_in_linear_time(entry: Any, repeated: str) -> None:
    def many(value: Any, count: int) -> Any:
        if isinstance(value, dict):
            return {
                name: (inner if isinstance(inner, list) else [inner]) * count
                if name == repeated
                else many(inner, count)
                for name, inner in value.items()
            }
        return [many(inner, count) for inner in value] if isinstance(value, list) else value

    def read(body: bytes) -> None:
        webhook.parse(webhook.decode(body), RECEIVED_AT)

    assert_grows_in_proportion(lambda count: dumped(many({"entry": [entry]}, count)), read, 50)


@examples(8)
@given(
    st.sampled_from((b"[", b'{"a":', b"[{},", b'"\\ud800",', b"9", b'"\\u0000"', b"NaN,", b'{"entry":[')),
    st.sampled_from((b"", b"[")),
)
@example(b"[", b"")
def test_a_body_is_decoded_in_linear_time(unit: bytes, head: bytes) -> None:
    def read(body: bytes) -> None:
        try:
            webhook.decode(body)
        except ValueError:
            return

    assert_grows_in_proportion(lambda size: head + unit * (size // len(unit)), read, 100_000)


DIGITS = st.text("0123456789", max_size=25) | st.sampled_from(
    ("9" * 18, "9" * 19, "-1", "٣", "1 ", "", "1_0")
)
DIGITS |= st.just(5000).map("9".__mul__)
TOKENS_OF_OTHERS = st.builds("wacrmd:{}:{}:{}".format, st.text(max_size=5), DIGITS, DIGITS)


@examples(100)
@given(
    mutated_text([callback_token("0b9c7d6e", 7, 1), "wacrmd::1:1"], [":", "wacrmd:", "\n"]) | TOKENS_OF_OTHERS
)
def test_a_token_names_an_attempt_that_can_exist_or_none(text: str) -> None:
    found = parse_callback_token(text)
    if found is not None:
        broadcast, recipient, attempt = found
        assert 0 <= recipient < 2**63
        assert 0 <= attempt < 2**63
        assert parse_callback_token(callback_token(broadcast, recipient, attempt)) == found


@examples(50)
@given(
    st.text(st.characters(exclude_characters=":"), max_size=40),
    st.integers(0, 10**18 - 1),
    st.integers(0, 10**18 - 1),
)
def test_our_own_token_is_read_back(broadcast: str, recipient: int, attempt: int) -> None:
    assert parse_callback_token(callback_token(broadcast, recipient, attempt)) == (
        broadcast,
        recipient,
        attempt,
    )


@examples(8)
@given(st.text(min_size=1, max_size=3) | st.sampled_from(("STOP ", "\u0344", "ﷺ", "🙏", "a\u0301", ":1")))
def test_texts_and_tokens_are_read_in_linear_time(unit: str) -> None:
    def read(text: str) -> None:
        parse_callback_token(f"wacrmd:{text}:1:1")
        matching_keyword([text], ["STOP"])
        words_of(text)

    assert_grows_in_proportion(lambda size: unit * size, read, 5_000)


@examples(60)
@given(st.text(max_size=20))
def test_a_keyword_is_compared_as_it_is_normalized(text: str) -> None:
    once = normalized(text)
    assert normalized(once) == once
