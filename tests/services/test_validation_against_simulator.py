"""The simulated Meta accepts content that passes validation: two independent readings of Meta's rules agree."""

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from wacrmd.domain.template import SyncedTemplate, Template, TemplateContent
from wacrmd.meta.payloads import message
from wacrmd.services.broadcasts.validation import problems
from wacrmd.simulator.templates import refusal_of

NAMES = ("first_name", "code", "city")
TEXTS = st.sampled_from(
    ["Jane", "7", "", "two\nlines", "five     spaces", "ä🙂", " ", "\u00a0", "nul\x00", "x" * 1020]
)
GOOD = st.sampled_from(["Jane", "7", "ä🙂"])


@st.composite
def listed(draw: st.DrawFn) -> dict[str, Any]:
    """A template as Meta lists it."""
    named = draw(st.booleans())
    variables = NAMES if named else ("1", "2", "3")
    count = draw(st.integers(0, 3))
    body = "Hello " + " ".join(f"{{{{{name}}}}}" for name in variables[:count])
    components: list[dict[str, Any]] = []
    header = draw(st.sampled_from([None, "TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION"]))
    if header == "TEXT":
        text = draw(st.sampled_from(["News", f"News for {{{{{variables[0]}}}}}"]))
        components.append({"type": "HEADER", "format": "TEXT", "text": text})
    elif header is not None:
        components.append({"type": "HEADER", "format": header})
    components.append({"type": "BODY", "text": body})
    buttons = draw(
        st.lists(
            st.sampled_from(
                [
                    {"type": "QUICK_REPLY", "text": "Stop"},
                    {"type": "URL", "text": "Shop", "url": "https://shop.example/"},
                    {"type": "URL", "text": "Shop", "url": "https://shop.example/{{1}}"},
                    {"type": "FLOW", "text": "Survey"},
                ]
            ),
            max_size=3,
        )
    )
    if buttons:
        components.append({"type": "BUTTONS", "buttons": buttons})
    form = "NAMED" if named else "POSITIONAL"
    return {
        "name": "sale",
        "language": "de",
        "status": "APPROVED",
        "parameter_format": form,
        "components": components,
    }


@st.composite
def contents(draw: st.DrawFn) -> TemplateContent:
    """Content of a caller, often valid by chance."""
    texts = draw(st.lists(st.one_of(GOOD, TEXTS), max_size=3))
    params = draw(st.sampled_from([None, texts, dict(zip(NAMES, texts, strict=False))]))
    header = draw(
        st.sampled_from(
            [
                None,
                {"text": "x"},
                {"text": "x", "parameter_name": "first_name"},
                {"image": {"id": "1"}},
                {"video": {"id": "1"}},
                {"document": {"id": "1"}},
                {"location": {"latitude": 1, "longitude": 2}},
            ]
        )
    )
    values = [
        {"index": 0, "type": "url", "text": "x"},
        {"index": 1, "type": "url", "text": "x"},
        {"index": 2, "type": "url", "text": "x"},
        {"index": 0, "type": "quick_reply", "payload": "p"},
    ]
    buttons = draw(st.lists(st.sampled_from(values), max_size=2, unique_by=lambda value: value["index"]))
    return TemplateContent(params, header, buttons or None)


def fitting(of: dict[str, Any]) -> TemplateContent:
    """Content that fits the template."""
    params: list[str] = []
    header: dict[str, Any] | None = None
    buttons: list[dict[str, Any]] = []
    named = of["parameter_format"] == "NAMED"
    for part in of["components"]:
        if part["type"] == "BODY":
            params = ["x"] * part["text"].count("{{")
        elif part["type"] == "BUTTONS":
            buttons = [
                {"index": index, "type": "url", "text": "x"}
                for index, button in enumerate(part["buttons"])
                if "{{" in button.get("url", "")
            ] + [
                {"index": index, "type": "flow"}
                for index, button in enumerate(part["buttons"])
                if button["type"] == "FLOW"
            ]
        elif part["format"] != "TEXT":
            header = {part["format"].lower(): {"id": "1"}}
        elif "{{" in part["text"]:
            header = {"text": "x"} | ({"parameter_name": "first_name"} if named else {})
    filled = dict(zip(NAMES, params, strict=False)) if named else params
    return TemplateContent(filled, header, buttons or None)


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    of=listed(), other=contents(), kept=st.sets(st.sampled_from(["params", "header", "buttons"]), min_size=1)
)
def test_content_that_passes_validation_is_accepted_by_the_simulator(
    of: dict[str, Any], other: TemplateContent, kept: set[str]
) -> None:
    """Fitting content with some parts exchanged; the header is on the broadcast, the rest on the recipient."""
    fits = fitting(of)
    parts = {name: getattr(fits if name in kept else other, name) for name in ("params", "header", "buttons")}
    defaults = TemplateContent(header=parts.pop("header"))
    own = TemplateContent(**parts)
    template = Template(
        waba_id="1",
        meta_id="2",
        name="sale",
        language="de",
        status="APPROVED",
        category=None,
        parameter_format=of["parameter_format"],
        components=of["components"],
        quality=None,
        reason=None,
        synced_at=0,
    )
    found = problems(SyncedTemplate(template, [], 0), "sale", "de", defaults, [(0, own)])
    sent = message("+14155550123", "sale", "de", own.over(defaults), "token")["template"]
    refusal = refusal_of([of], "sale", "de", sent.get("components", []))
    event("refused here" if found else "passes")
    if not found:
        assert refusal is None, (refusal, sent)
    if len(kept) == 3:
        assert not found
