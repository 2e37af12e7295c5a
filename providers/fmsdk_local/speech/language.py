"""Which language a caller means, out of those a model knows."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from fmsdk.errors import UnsupportedSetting

__all__ = ["choose"]


def choose(given: str | None, known: Collection[str], name: str) -> str | None:
    """The code of the language `given` (a code or an English name, in any case) for the model
    `name`, which knows the codes `known`. None stays None: the model tells by itself, or knows
    but one.

    Raises:
        UnsupportedSetting: the model does not know it.
    """
    if given is None:
        return next(iter(known)) if len(known) == 1 else None
    wanted = given.strip().lower()
    code = wanted if wanted in known else _codes().get(wanted)
    if code in known:
        return code
    if len(known) == 1:
        way_out = (
            f"it knows {_names()[next(iter(known))].title()} alone; choose a multilingual model"
        )
    else:
        choices = [*known, *(_names()[code] for code in known if code in _names())]
        alike = difflib.get_close_matches(wanted, choices, n=3) or sorted(known)
        way_out = f"it knows {', '.join(alike)}; leave it out to have it told from the sound"
    raise UnsupportedSetting(
        f"{name} cannot transcribe language {given!r}: {way_out}", setting="language", model=name
    )


def _names() -> dict[str, str]:
    """English names by code. Read where a code was not given, as it loads transformers."""
    from transformers.models.whisper import tokenization_whisper

    return tokenization_whisper.LANGUAGES


def _codes() -> dict[str, str]:
    """Codes by English name, other names ("mandarin", "castilian") included."""
    from transformers.models.whisper import tokenization_whisper

    return tokenization_whisper.TO_LANGUAGE_CODE
