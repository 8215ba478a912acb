"""STOP and START words: what a person wrote or tapped, held against the configured words; pure."""

import unicodedata
from collections.abc import Iterable


def plain(text: str) -> str:
    """`text` as it is compared: without case, accents, spare spaces, and punctuation or emoji around it."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = " ".join(letters.casefold().split())
    kept = [place for place, char in enumerate(words) if char.isalnum()]
    return words[kept[0] : kept[-1] + 1] if kept else words


def matching(said: Iterable[str | None], words: Iterable[str]) -> str | None:
    """The configured word that is all that the person said, in any of the ways that it was said; else None."""
    known = {plain(word): word for word in words}
    for text in said:
        if text and (word := known.get(plain(text))) is not None:
            return word
    return None


def of_payload(payload: str | None) -> str | None:
    """The word in a button's payload, which may carry data of its own behind a colon (`STOP:bc_17`)."""
    return payload.partition(":")[0] if payload else None
