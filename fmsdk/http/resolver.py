"""Names of hosts for aiohttp, looked up in threads of our own (`fmsdk.threads`)."""

from __future__ import annotations

import socket
import sys

from aiohttp.abc import AbstractResolver, ResolveResult

from fmsdk.threads import resolve_host

__all__ = ["HostResolver"]

# Without it a host that has no IPv6 connection is told to try IPv6 (Windows: "localhost" fails
# with it where the machine has no network).
_FLAGS = 0 if sys.platform == "win32" else socket.AI_ADDRCONFIG


class HostResolver(AbstractResolver):
    """Asks the system for a host's addresses."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As aiohttp wants them. Raises OSError where the host has none."""
        entries = await resolve_host(host, port, family=family, flags=_FLAGS)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=found_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, protocol, _, address in entries
        ]

    async def close(self) -> None:
        """Nothing is open."""
