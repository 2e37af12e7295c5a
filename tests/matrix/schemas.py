"""Bodies against the vendors' own request schemas, which lie beside some checkouts."""

from __future__ import annotations

from tests.matrix.wires import Wire
from tests.support import tally
from tests.support.scripted_server import ReceivedRequest
from tests.support.shared_folder import validator

__all__ = ["errors"]

# What is right all the same: fields that the vendors' SDKs know and the copies of their schemas do
# not yet, and those that only OpenAI itself asks for. By wire or vendor, place and words.
_KNOWN = (
    ("OpenAI-compatible", "$.audio", "'voice' is a required property"),  # theirs have other names
    ("gemini", "thinkingLevel", "'XHIGH' is not one of"),  # google-genai 3.4: ThinkingLevel.XHIGH
    ("vertex", "thinkingLevel", "'XHIGH' is not one of"),
    ("gemini", "$", "'serviceTier' was unexpected"),  # google-genai 3.4: ServiceTier
    ("vertex", "$", "'serviceTier' was unexpected"),
)


def errors(wire: Wire, seen: ReceivedRequest) -> list[str]:
    """What the vendor's schema says against a body."""
    if wire.schema is None:
        return []
    vendor, endpoint = wire.schema
    tally.count("bodies held against the vendors' schemas")
    checker = validator()
    found = [
        f"{path}: {message}"
        for level, path, message in checker.check(vendor, endpoint, seen.body)
        if level == "error" and not _is_known((wire.name, vendor), path, message)
    ]
    if found and vendor == "anthropic":
        # The installed SDK's typed parameters are a second description, newer than the first.
        return [str(finding) for finding in checker.sdk_check(seen.body)]
    return found


def _is_known(names: tuple[str, str], path: str, message: str) -> bool:
    return any(
        who in names and path.endswith(end) and words in message for who, end, words in _KNOWN
    )
