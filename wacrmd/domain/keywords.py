"""Opt-out keywords: whether a message consists of one of the configured words. Pure."""

import unicodedata
from collections.abc import Iterable


def normalized(text: str) -> str:
    """`text` as it is compared: without case, accents, extra spaces, and punctuation or emoji around it."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = " ".join(letters.casefold().split())
    kept = [place for place, char in enumerate(words) if char.isalnum()]
    return words[kept[0] : kept[-1] + 1] if kept else words


def matching_keyword(texts: Iterable[str | None], keywords: Iterable[str]) -> str | None:
    """The keyword that one of the texts of a message consists of; None if there is none."""
    known = {normalized(keyword): keyword for keyword in keywords}
    for text in texts:
        if text and (keyword := known.get(normalized(text))) is not None:
            return keyword
    return None


def keyword_of_payload(payload: str | None) -> str | None:
    """A button's payload up to its first colon; apps may add their own data after the colon, as in `STOP:bc_17`."""
    return payload.partition(":")[0] if payload else None
