"""Content of a recipient overrides the content of the broadcast, part by part."""

import pytest

from wacrmd.domain.template import TemplateContent as Content

HEADER, OTHER_HEADER = {"type": "text", "text": "a"}, {"type": "text", "text": "b"}
BUTTONS, OTHER_BUTTONS = [{"index": 0}], [{"index": 1}]
RAW, OTHER_RAW = [{"type": "body"}], [{"type": "header"}]
ALL = Content(params=["x"], header=HEADER, buttons=BUTTONS)


@pytest.mark.parametrize(
    ("own", "defaults", "content"),
    [
        (Content(), ALL, ALL),
        (ALL, Content(), ALL),
        (Content(params=["y"]), ALL, Content(params=["y"], header=HEADER, buttons=BUTTONS)),
        (Content(params=[]), ALL, Content(params=[], header=HEADER, buttons=BUTTONS)),
        (Content(header=OTHER_HEADER), ALL, Content(params=["x"], header=OTHER_HEADER, buttons=BUTTONS)),
        (Content(buttons=OTHER_BUTTONS), ALL, Content(params=["x"], header=HEADER, buttons=OTHER_BUTTONS)),
        (Content(components=RAW), ALL, Content(components=RAW)),
        (Content(components=RAW), Content(components=OTHER_RAW), Content(components=RAW)),
        (Content(), Content(components=RAW), Content(components=RAW)),
        (Content(params=["y"]), Content(components=RAW), Content(params=["y"])),
        (Content(header=HEADER), Content(components=RAW), Content(header=HEADER)),
        (Content(buttons=BUTTONS), Content(components=RAW), Content(buttons=BUTTONS)),
    ],
)
def test_content_of_a_recipient_overrides_the_defaults(
    own: Content, defaults: Content, content: Content
) -> None:
    assert own.over(defaults) == content
