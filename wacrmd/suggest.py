"""The known name that a misspelt one was probably meant to be. Pure."""

import difflib
from collections.abc import Iterable

MAX_WORD = 100
"""Characters of a word that are compared: the comparison takes longer than linear time."""
MIN_SIMILARITY = 0.6
"""How alike two words must be, from 0 to 1 (`difflib.SequenceMatcher.ratio`)."""


def nearest(word: str, known: Iterable[str], *, min_similarity: float = MIN_SIMILARITY) -> str | None:
    """The known word that is most similar to `word`; None if none is similar enough."""
    found = difflib.get_close_matches(word[:MAX_WORD], list(known), n=1, cutoff=min_similarity)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], form: str = "'{}'") -> str:
    """The end of a sentence, `; did you mean 'X'?`, for the nearest known word; empty if there is none.

    `form` is how the word is written: `[{}]` for a section of the configuration.
    """
    found = nearest(word, known)
    return f"; did you mean {form.format(found)}?" if found is not None else ""
