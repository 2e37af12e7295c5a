"""For tests of applications that use fmsdk, and of its providers.

`FakeProvider` answers without a network. `ProviderConformance` is the suite that every provider's
tests subclass; it needs pytest.
"""

from fmsdk.testing.fake_provider import FakeProvider

__all__ = ["FakeProvider"]
