"""What the daemon says about broadcasts and lists of people, in words for somebody who is no programmer. Pure.

The daemon's own texts are those of the API and of the commands. The dashboard, and files that it gives to people, have
these words; what is not known here is shown as it is.
"""

import re
from collections.abc import Callable

from wacrmd.domain.country_names import name_of

_Words = str | Callable[[re.Match[str]], str]

_COUNTRY = re.compile(r"\b(of|is|in) ([A-Z]{2})\b")
_LISTED = re.compile(r"\b[A-Z]{2}\b")
_GUESSES = re.compile(r"(\d+) numbers? without \+: (.*); (.*)", re.DOTALL)

_GONE = (
    "It is not here any more, or never was. A draft may have been thrown away, or nobody changed it for too long."
    " What was sent is in the list of broadcasts."
)
_OUTDATED = (
    r"\A(?:(?:params|header|buttons|components)\S*|the value of \S+): (?:\".*\" is missing"
    r"|the template(?:'s | has no | has \d+ buttons)|button \d+ of the template ).*\Z"
)
"""What does not fit the template as it is now; so it is with people of an earlier broadcast, who bring their values."""

_WORDS: tuple[tuple[re.Pattern[str], _Words], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\Afile: ", ""),
        (
            r"\ANo recipients had a valid E\.164 phone number\Z",
            "no line of the list has a valid phone number",
        ),
        (
            r"\ANo recipient with a valid phone number has an hour within send_between(?= in all time zones)",
            "nobody in the list has such an hour",
        ),
        (
            r": allow more hours, or name one zone in send_between\Z",
            ": choose more hours, or the clock of one place",
        ),
        (r"\Anot a valid phone number: ", "this is no valid phone number: it "),
        (
            r"\bhas no country code: write it with \+ and its country code, or set a default country for the account\Z",
            "has no country code, and no country is given for numbers without +",
        ),
        (r"\bis in no numbering plan of ", "does not exist in "),
        (r", and Meta takes no empty parameter\Z", ", and WhatsApp takes no empty value"),
        (
            r"\bthe text has (\d+) characters with its parameters, Meta takes at most (\d+)\Z",
            r"with the values of this line the text has \1 characters, and WhatsApp takes at most \2",
        ),
        (r"\Aparams: (?=with the values)", ""),
        (r"\A(\{\{\S+\}\}): ", r"the value of \1: "),
        (r"\Aheader\.text: ", "the value above the text: "),
        (r"\Abuttons\[\d+\]\.(?:text|code|payload): ", "the value of a button: "),
        (r": Meta takes no empty parameter\Z", " is empty, and WhatsApp takes no empty value"),
        (
            r": Meta takes no line breaks, tabs or five spaces in a row in a parameter\Z",
            " has a line break, a tab or five spaces in a row, and WhatsApp takes none of them",
        ),
        (
            r": Meta takes no control characters in a parameter, found (\S+)\Z",
            r" has a sign that nobody sees (\1): write the value anew",
        ),
        (
            r": Meta takes no parameter of spaces only: nobody would see anything\Z",
            " has only spaces: nobody would see anything",
        ),
        (
            r": expected at most (\d+) characters(?: in this template)?\Z",
            r" may have at most \1 characters",
        ),
        (
            r"\Ato: Meta sends authentication templates to phone numbers only: give the person's number\Z",
            "this person has no phone number here, and WhatsApp sends login codes to phone numbers only",
        ),
        (
            _OUTDATED,
            "the template has changed since then, and the values of this line do not fit it any more",
        ),
        (
            r"\Aexpected a phone number such as \S+: (['\"]).*\1 ",
            "this is no valid phone number: it ",
        ),
        (
            r"\Aexpected a phone number or a user id, found neither\Z",
            "this line has no phone number",
        ),
        (r"\Ahas (\d+) column(s?), expected (\d+)\Z", r"has \1 cell\2, and the first line has \3"),
        (
            r"\A\S+ (\S+) (does not exist|comes twice) in (\S+): (the clocks are put \w+); .*\Z",
            r"\1 \2 on this day in \3, because \4: choose an earlier or a later time",
        ),
        (r"\Ano \+ or 00: read as ", "written without + or 00, and read as "),
        (r"\Ano \+, 00 or 0: read as ", "written without +, 00 or 0, and read as "),
        (r", or raise \[limits\] max_upload_recipients\Z", ", or ask whoever runs wacrmd to allow more"),
        (
            r"\AThe daemon is draining: sending continues after its restart\Z",
            "sending is stopped for a restart of wacrmd, and goes on by itself after it",
        ),
        (
            r"\ADrained for good: nothing is accepted or sent, also after a restart, until wacrmd undrain\Z",
            "all sending is stopped until an administrator lets it go on, on the page Status",
        ),
        (
            r"\A(line \d+): expected UTF-8 text, found the byte .*\Z",
            r"\1 has letters that cannot be read, as in a file of an older Excel: save the file as 'CSV UTF-8'",
        ),
        (
            r"\A(line \d+): expected UTF-8 text, and the file ends within a character: is it complete\?\Z",
            r"\1: the file ends in the middle of a letter: is it complete?",
        ),
        (
            r"\A(line \d+): found a NUL byte, .*\Z",
            r"\1 has signs that are no text: save the file as 'CSV UTF-8'",
        ),
        (r": say --column N for column N\Z", ": give its number, from 1"),
        (r"--column (\S+) may be column ", r"“\1” may be column "),
        (r"\bwrite --column ", "write "),
        (
            r", or use --no-check to keep this one all the same\Z",
            ", or take the tick away below to keep this one all the same",
        ),
        (
            r": add one with wacrmd number add --account NAME\Z",
            ": an administrator can add one under “Numbers”",
        ),
        (
            r": remove some \(wacrmd media list, .*\), or raise \[limits\] max_media_bytes_per_account\Z",
            ": ask whoever runs wacrmd to remove some, or to allow more",
        ),
        (r", and \[limits\] max_media_bytes allows ", ", and wacrmd allows "),
        (r"[:;] name it with --column NAME, or --column N for column N", ": say below which column it is"),
        (
            r"\Aline 1: no column is known as one of phone numbers, found: (.*?)(?:: say below.*)?\Z",
            r"no name in the first line (\1) is one of phone numbers: say below which column has them, or delete the line",
        ),
        (
            r"\Aline 1: (several columns may have the phone numbers \(.*\))(?:: say below.*)?\Z",
            r"\1: say below which one it is",
        ),
        (
            r"\Athe template's header needs \"(\w+)\"\Z",
            lambda found: f"the message needs its {found[1]}: give it in the step “Message”",
        ),
        (
            r"\Athe template has an? (carousel|limited_time_offer): .*\Z|\Abutton \d+ of the template needs a value: .*\Z",
            "this template has a part that only a program can fill: choose another one in the step “Template”",
        ),
        (r"\Amapping\.fills\.\S+: ", ""),
        (
            r"\b(waits?) for the hours .*, the first until ",
            r"\1 for the hours in which it is sent, the first until ",
        ),
        (
            r"\AMeta's limit: (\S+) of (\S+ [a-z ]+) in 24 hours have been written to(?=[;:])",
            r"Meta lets your business write to \2 in 24 hours, and it has written to \1",
        ),
        (
            r"\AThe daily limit that is set here: (\S+) of (\S+ [a-z ]+) in 24 hours have been written to(?=[;:])",
            r"An administrator lets your business write to \2 in 24 hours, and it has written to \1",
        ),
        (
            r"; the next (\S+) within an hour from (\S+)\Z",
            r". It goes on by itself: the next \1 within an hour from \2",
        ),
        (
            r": raise the limit of the number, if Meta allows more\Z",
            ": if Meta allows more, an administrator sets that on the page of the number",
        ),
        (
            r"\. See why, then resume it for the others, or cancel it\Z",
            ". See why, then send it to the others, or cancel it for them",
        ),
        (r"\AMeta holds messages back \([^)]*\): ", "Meta holds messages back: "),
        (
            r"\A1 recipient in a row failed; the last: ",
            r"1 person was not reached: ",
        ),
        (
            r"\A(\d+) recipients in a row failed; the last: ",
            r"\1 people in a row were not reached; the last: ",
        ),
        (r"\b(no answer from Meta .*to \d+) request(s?)\b", r"\1 message\2"),
        (
            r"\AThis machine's clock is (.*): the daemon goes by (.*) if it is right: wacrmd clock accept\Z",
            r"The server's clock is \1: wacrmd goes by \2 if it is right, press “Trust the clock” on the page Status",
        ),
        (
            r"\A(?:Broadcast|Draft)\b.* not found\Z",
            _GONE,
        ),
        (r"\ARecipient .* of this broadcast not found\Z", "Nobody with this number is in this broadcast"),
        (r"\ARecipient not found\Z", "This person is not here any more, or never was"),
        (
            r"\A(Number|Webhook|Delivery|Key|User|Account|Opt-out|Template)\b.* not found\Z",
            lambda found: f"This {found[1].lower()} is not here any more, or never was",
        ),
        (
            r"\A(from: )?this account has no number .*: expected the id or phone_number_id of one of its numbers\Z",
            "This number is there no more: load the page again, and choose another one",
        ),
    )
)


def plainly(text: str | None) -> str:
    """A sentence of the daemon, with the names of countries in place of their codes."""
    said = text or ""
    if (guesses := _GUESSES.fullmatch(said)) is not None:
        return _of_guesses(*guesses.groups())
    for pattern, words in _WORDS:
        said = pattern.sub(words, said)
    return _COUNTRY.sub(lambda found: f"{found[1]} {name_of(found[2])}", said)


def _of_guesses(count: str, countries: str, own: str) -> str:
    """Which countries were guessed, and why that matters."""
    names = _LISTED.sub(lambda found: name_of(found[0]), countries)
    numbers = "1 number is" if count == "1" else f"{count} numbers are"
    their = "its country is a guess" if count == "1" else "their countries are guesses"
    home = _COUNTRY.search(own)
    ours = ""
    if home is not None:
        whose = "The country of this account" if "account" in own else "The country of your own number"
        ours = f" {whose} is {name_of(home[2])}."
    return (
        f"{numbers} written without +, and {their}: {names}.{ours} After a wrong guess a stranger gets the message. "
        "So look at them, and write them as +49 151 23456789 if you are not sure."
    )
