"""Chooses, for the language that a caller names, the code that a model knows."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from fmsdk.errors import UnsupportedSetting

__all__ = ["choose_language"]


def choose_language(requested: str | None, supported: Collection[str], name: str) -> str | None:
    """The code for the language `requested`: a code or an English name, in any case.

    The model `name` transcribes the codes `supported`. None stays None, and the model detects
    the language, unless it has only one.

    Raises:
        UnsupportedSetting: the model does not transcribe the language.
    """
    if requested is None:
        return next(iter(supported)) if len(supported) == 1 else None
    language = requested.strip().lower()
    if language in supported:
        return language

    # transformers takes a second to import: only for what is no code.
    from transformers.models.whisper import tokenization_whisper

    code = tokenization_whisper.TO_LANGUAGE_CODE.get(language)
    if code in supported:
        return code
    names = tokenization_whisper.LANGUAGES  # English names by code
    if len(supported) == 1:
        hint = f"it knows {names[next(iter(supported))].title()} alone; choose a multilingual model"
    else:
        choices = [*supported, *(names[code] for code in supported if code in names)]
        similar = difflib.get_close_matches(language, choices, n=3) or sorted(supported)
        hint = f"it knows {', '.join(similar)}; leave it out to let the model detect it"
    raise UnsupportedSetting(
        f"{name} cannot transcribe language {requested!r}: {hint}", setting="language", model=name
    )
