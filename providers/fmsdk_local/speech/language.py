"""Chooses, for the language that a caller names, the code that a model knows."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from fmsdk.errors import UnsupportedSetting

__all__ = ["choose_language"]

# Whisper's own codes where they differ from ISO 639, and codes that ISO 639 has replaced.
_ALIASES = {"cmn": "zh", "fil": "tl", "in": "id", "iw": "he", "ji": "yi", "jv": "jw", "nb": "no"}


def choose_language(language_name: str | None, codes: Collection[str], name: str) -> str | None:
    """The code of the language `language_name`: a code, a BCP 47 tag ("de-DE", "pt_BR",
    "zh-Hant-TW") or an English name, in any case.

    The model `name` transcribes the languages `codes`. None stays None, and the model detects
    the language, unless it has only one.

    Raises:
        UnsupportedSetting: the model does not transcribe the language.
    """
    if language_name is None:
        return next(iter(codes)) if len(codes) == 1 else None
    language = language_name.strip().lower()
    primary = language.replace("_", "-").partition("-")[0]
    for code in (language, primary, _ALIASES.get(primary)):
        if code in codes:
            return code

    # transformers takes a second to import: only for what is no code.
    from transformers.models.whisper import tokenization_whisper

    code = tokenization_whisper.TO_LANGUAGE_CODE.get(language)
    if code in codes:
        return code
    names = tokenization_whisper.LANGUAGES  # English names by code
    if len(codes) == 1:
        hint = f"it knows {names[next(iter(codes))].title()} alone; choose a multilingual model"
    else:
        choices = [*codes, *(names[code] for code in codes if code in names)]
        similar = difflib.get_close_matches(language, choices, n=3) or sorted(codes)
        hint = f"it knows {', '.join(similar)}; leave it out to let the model detect it"
    raise UnsupportedSetting(
        f"{name} cannot transcribe language {language_name!r}: {hint}",
        setting="language",
        model=name,
    )
