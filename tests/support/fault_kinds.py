"""The kinds of faults that real use showed, and the tests that each of them has.

The tally of a run says how many tests of each kind ran. A prefix is a file below `tests/`, or the
beginning of a test's name in it.
"""

from __future__ import annotations

__all__ = ["FAULT_KINDS", "kinds_of"]

FAULT_KINDS: dict[str, tuple[str, ...]] = {
    # Local answers that are silently wrong.
    "pictures with transparency, deep pixels or a turned camera": (
        "local/test_image.py",
        "openai/test_servers.py::test_local_servers_get_pictures_upright",
        "pipeline/test_image_limits.py::test_a_picture_is_turned_upright",
    ),
    "GGUF files that are not whole": (
        "local/test_gguf.py::test_a_truncated",
        "local/test_gguf.py::test_a_file_",
        "local/test_gguf.py::test_a_split_",
    ),
    "a cache or a search that a checkpoint names": (
        "local/test_generation_settings.py::test_a_cache",
        "local/test_generation_settings.py::test_a_model_without_a_cache",
        "local/test_generation_settings.py::test_another_search",
        "local/test_families.py",
    ),
    "ends of an answer": (
        "local/test_generation_settings.py::test_whatever_names_the_end",
        "local/test_generation_settings.py::test_the_least_length",
        "local/test_generation_settings.py::test_a_stop_string",
        "local/test_stop_matcher.py::test_hidden_text",
    ),
    "channels and tool calls in a model's own dialect": (
        "local/test_decode.py",
        "local/test_reasoning_and_tools.py",
    ),
    "speech in noise": (
        "local/test_speech.py",
        "local/test_audio.py::test_channels_in_opposite_phase",
    ),
    "tokenizers that do not fit their model": ("local/test_vocabulary.py",),
    "GPUs that break or are full": ("local/test_gpu_errors.py", "local/test_device.py"),
    # Money.
    "closing a client": ("pipeline/test_closing.py",),
    "ceilings": ("quoting/test_ceiling.py",),
    "usage of zeros": ("hosted/test_zero_usage.py",),
    "halves of a character": ("hosted/test_surrogates.py",),
    "latency of a process that is busy": ("pipeline/test_latency.py",),
    "waits that a vendor asks for": ("hosted/test_retries.py",),
    # Safety.
    "files and threads that are stuck": (
        "core/test_threads.py",
        "media/test_regular_files.py",
    ),
    "small hostile files": (
        "media/test_hostile_files.py",
        "local/test_chat_templates.py",
    ),
    "memory without a bound": ("hosted/test_memory.py",),
    "bursts, and connections that stay": ("hosted/test_bursts.py", "http/test_patience.py"),
    "secrets in errors and logs": ("hosted/test_secrets.py",),
    "addresses that lead elsewhere": ("hosted/test_addresses.py",),
    "JSON that names files": (
        "core/test_serialization.py::test_text_from_elsewhere",
        "core/test_serialization.py::test_a_file_is_taken",
        "core/test_serialization.py::test_wrong_types",
        "core/test_serialization.py::test_nesting",
    ),
    "controls for a terminal": ("cli/test_terminal.py",),
    "settings of a client": (
        "core/test_client.py::test_wrong_",
        "core/test_client.py::test_settings_of_other",
        "media/test_fetch.py::test_an_address_that_says_nothing",
    ),
    # What hosted models promise.
    "pieces of tool calls that do not line up": ("hosted/test_tool_call_pieces.py",),
    "proxies and certificates of the environment": (
        "hosted/test_environment.py",
        "http/test_environment.py",
    ),
    "schemas that a vendor reads in part": (
        "google/test_encode_schema.py",
        "google/test_schemas.py",
    ),
    "media under a wrong type": ("media/test_media_types.py",),
    "structured answers with text around them": ("schema/test_json_schema.py",),
    "a context too long, and media that a model refuses": ("hosted/test_error_text.py",),
    # The first hour with it.
    "models fetched with the pip of an older Python": ("local/test_fetch.py::TestBundledPip",),
    "models called usable that are not, and the reverse": (
        "openai/test_local_servers.py",
        "openai/test_engine.py::test_an_engine_that_runs",
        "cli/test_models.py::test_without_the",
        "cli/test_models.py::test_a_running_server",
    ),
    "words that break at the edge of a terminal": ("cli/test_widths.py",),
    "answers that people print": ("core/test_printing.py",),
    "chat templates that loop or grow": (
        "local/test_chat_templates.py::test_a_template_that_loops",
        "local/test_chat_templates.py::test_template_that",
        "local/test_chat_templates.py::test_a_call_ends_in_time",
        "local/test_chat_templates.py::test_a_model_whose_template",
        "local/test_chat_templates.py::test_a_template_that_no_python",
    ),
    "panics of a tokenizer": ("local/test_tokenizer_panics.py",),
    "paths of the home folder": ("core/test_home_folders.py",),
    "a refused key in the vendor's words": (
        "http/test_error_text.py",
        "hosted/test_error_text.py::test_words_on_a_refused_key",
    ),
    "retries that nobody is told of": ("cli/test_terminal.py::test_a_retry",),
    "what a model is, behind any address": (
        "hosted/test_model_identity.py",
        "openai/test_encode_turns.py::test_pictures_in_tool_results",
    ),
    "values and keywords that newcomers write": (
        "core/test_first_contact.py",
        "core/test_wrong_arguments.py",
    ),
    "fake providers": ("testing/test_replies.py",),
    "types for checkers, pydantic and help": (
        "core/test_typing.py",
        "core/test_generate_options.py",
        "schema/test_pydantic_types.py",
    ),
}


def kinds_of(node_id: str) -> list[str]:
    """The kinds of faults that a test is about, by its pytest id ("tests/local/…::test_…")."""
    name = node_id.partition("tests/")[2]
    return [kind for kind, prefixes in FAULT_KINDS.items() if name.startswith(prefixes)]
