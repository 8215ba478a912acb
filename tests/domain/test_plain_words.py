"""What the daemon says, in words for somebody who is no programmer."""

import pytest

from wacrmd.domain.drain import Drain
from wacrmd.domain.messaging_limit import LimitUse
from wacrmd.domain.phone_guess import Home, summary
from wacrmd.domain.plain_words import plainly
from wacrmd.errors import no_number
from wacrmd.services.broadcasts.prepare import NO_HOUR_FITS, NO_VALID_NUMBER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NO_VALID_NUMBER, "no line of the list has a valid phone number"),
        (
            "not a valid phone number: has no +, and with one it is too short for a number of US (+1)",
            "this is no valid phone number: it has no +, and with one it is too short for a number of United States (+1)",
        ),
        (
            "not a valid phone number: is in no numbering plan of DE (+49)",
            "this is no valid phone number: it does not exist in Germany (+49)",
        ),
        (
            "has nothing in column first, and Meta takes no empty parameter",
            "has nothing in column first, and WhatsApp takes no empty value",
        ),
        (
            "params: the text has 1113 characters with its parameters, Meta takes at most 1024",
            "with the values of this line the text has 1113 characters, and WhatsApp takes at most 1024",
        ),
        (
            "{{2}}: Meta takes no empty parameter",
            "the value of {{2}} is empty, and WhatsApp takes no empty value",
        ),
        (
            "buttons[0].text: Meta takes no parameter of spaces only: nobody would see anything",
            "the value of a button has only spaces: nobody would see anything",
        ),
        (
            "header.text: Meta takes no control characters in a parameter, found U+0007",
            "the value above the text has a sign that nobody sees (U+0007): write the value anew",
        ),
        (
            "buttons[1].code: expected at most 15 characters in this template",
            "the value of a button may have at most 15 characters",
        ),
        *(
            (
                changed,
                "the template has changed since then, and the values of this line do not fit it any more",
            )
            for changed in (
                "params: the template's body takes 2 parameters, found 3",
                'params: "percent" is missing',
                '{{x}}: the template has no such parameter, it has "percent"',
                "header: the template's header takes no value",
                'buttons[0].type: button 0 of the template is "url"',
            )
        ),
        (
            "to: Meta sends authentication templates to phone numbers only: give the person's number",
            "this person has no phone number here, and WhatsApp sends login codes to phone numbers only",
        ),
        (
            "Meta holds messages back (4 held_for_quality_assessment): it sends or drops them once it has seen more",
            "Meta holds messages back: it sends or drops them once it has seen more",
        ),
        ("1 recipient in a row failed; the last: 131026 x", "1 person was not reached: 131026 x"),
        (
            NO_HOUR_FITS,
            (
                "nobody in the list has such an hour in all time zones in which they may be: choose more hours, or the"
                " clock of one place"
            ),
        ),
        (
            LimitUse(limit=1, used=3, next_at=0, next_count=1, is_own=True).detail,
            (
                "An administrator lets your business write to 1 person in 24 hours, and it has written to 3. It goes on by"
                " itself: the next 1 within an hour from 1970-01-01T00:00:00.000Z"
            ),
        ),
        (
            LimitUse(limit=1200, used=1200).detail,
            (
                "Meta lets your business write to 1,200 different people in 24 hours, and it has written to 1,200: if Meta"
                " allows more, an administrator sets that on the page of the number"
            ),
        ),
        (
            "10 recipients in a row failed; the last: 131026 Message undeliverable",
            "10 people in a row were not reached; the last: 131026 Message undeliverable",
        ),
        (
            "no answer from Meta for 12 s, to 4 requests",
            "no answer from Meta for 12 s, to 4 messages",
        ),
        (
            "This machine's clock is x: the daemon goes by its own. Or if it is right: wacrmd clock accept",
            "The server's clock is x: wacrmd goes by its own. Or if it is right, press “Trust the clock” on the page Status",
        ),
        (
            "line 1: --column 2 may be column 2 or the one called 2: for column 2 write --column 'Phone'",
            "line 1: “2” may be column 2 or the one called 2: for column 2 write 'Phone'",
        ),
        (
            "2 columns are called Phone: say --column N for column N",
            "2 columns are called Phone: give its number, from 1",
        ),
        (
            "x. Give another token, or use --no-check to keep this one all the same",
            "x. Give another token, or take the tick away below to keep this one all the same",
        ),
        (
            no_number().message,
            "This account has no WhatsApp number: an administrator can add one under “Numbers”",
        ),
        (
            "10 MB: remove some (wacrmd media list, wacrmd media remove), or raise [limits] max_media_bytes_per_account",
            "10 MB: ask whoever runs wacrmd to remove some, or to allow more",
        ),
        (
            "file: it has 9.0 MB, and [limits] max_media_bytes allows 8.0 MB",
            "it has 9.0 MB, and wacrmd allows 8.0 MB",
        ),
        ("has 3 columns, expected 2", "has 3 cells, and the first line has 2"),
        ("has 1 column, expected 2", "has 1 cell, and the first line has 2"),
        (
            "no + or 00: read as a number of NO; as a number of US it would be +14792345678",
            "written without + or 00, and read as a number of Norway; as a number of United States it would be +14792345678",
        ),
        (
            "file: the file has more than 9 people: split it, or raise [limits] max_upload_recipients",
            "the file has more than 9 people: split it, or ask whoever runs wacrmd to allow more",
        ),
        (
            Drain(since=0, for_good=False).detail,
            "sending is stopped for a restart of wacrmd, and goes on by itself after it",
        ),
        (
            Drain(since=0, for_good=True).detail,
            "all sending is stopped until an administrator lets it go on, on the page Status",
        ),
        (
            "file: line 2: expected UTF-8 text, found the byte 0xFC, in Windows-1252 'ü'; save the file as 'CSV UTF-8'",
            "line 2 has letters that cannot be read, as in a file of an older Excel: save the file as 'CSV UTF-8'",
        ),
        (
            "file: line 9: found a NUL byte, as in UTF-16 without a byte order mark: save the file as 'CSV UTF-8'",
            "line 9 has signs that are no text: save the file as 'CSV UTF-8'",
        ),
        (
            "line 1: several columns may have the phone numbers (Phone 1, Phone 2)",
            "several columns may have the phone numbers (Phone 1, Phone 2): say below which one it is",
        ),
        (
            "line 1: no column is known as one of phone numbers, found: A",
            "no name in the first line (A) is one of phone numbers: say below which column has them, or delete the line",
        ),
        (
            'the template\'s header needs "image"',
            "the message needs its image: give it in the step “Message”",
        ),
        (
            "the template has a carousel: give it as one of Meta's component objects",
            "this template has a part that only a program can fill: choose another one in the step “Template”",
        ),
        (
            "line 4: 47 may be the number of a customer; name it with --column NAME, or --column N for column N",
            "line 4: 47 may be the number of a customer: say below which column it is",
        ),
        (
            "2027-03-28 02:30 does not exist in CET: the clocks are put forward; did you mean …",
            "02:30 does not exist on this day in CET, because the clocks are put forward: choose an earlier or a later time",
        ),
        ("has the number of line 3", "has the number of line 3"),
        ("is of ZZ", "is of ZZ"),
        (None, ""),
    ],
)
def test_words_of_programs_are_said_plainly(text: str | None, words: str) -> None:
    assert plainly(text) == words


def test_guesses_are_a_sentence_that_says_why_they_matter() -> None:
    phones = ["+81234567890", "+81234567891", "+4791234567"]
    assert plainly(summary(phones, Home("US"))) == (
        "3 numbers are written without +, and their countries are guesses: Japan (2), Norway. "
        "The country of your own number is United States. After a wrong guess a stranger gets the message. "
        "So look at them, and write them as +49 151 23456789 if you are not sure."
    )
    one = plainly(summary(phones[:1], Home("DE", is_default=True)))
    assert one.startswith(
        "1 number is written without +, and its country is a guess: Japan. The country of this account is Germany."
    )
    assert "own number" not in plainly(summary(phones, Home(None)))
