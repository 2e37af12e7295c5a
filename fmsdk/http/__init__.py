"""HTTP below the providers: requests over the wire, and what goes wrong there as `fmsdk.errors`.

- `transport`: the contract: one request, its answer as bytes
- `aiohttp_transport`: our own connections; `httpx2_transport`: a client that the caller built;
  `sdk_transport`: a vendor's SDK that the caller built
- `credentials`: keys and tokens, fixed or asked for before each attempt
- `environment`: proxies and certificates as the environment names them
- `decompression`: compressed bodies, in small pieces and within bounds
- `error_mapper`: from an error body, or a broken connection, to a typed error

No vendor is known here, and nothing of this is imported by `import fmsdk`.
"""
