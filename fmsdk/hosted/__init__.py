"""What the providers that speak HTTP share, each thing once.

- `options`: keys, headers and configuration as users write them
- `request_builder`: what every encoder shares: warnings, unsupported settings, tool-call ids
- `body`: a JSON body whose media is base64-encoded once and never copied
- `token_counts`: the counts of a usage object
- `decoding`, `sse`, `json_array`: from bytes to values, from a stream's bytes to events
- `provider`: the base of every hosted provider; a vendor adds its encoder and decoder

`fmsdk.http` sends the bodies and maps errors.

No vendor is known here, and nothing of this is imported by `import fmsdk`.
"""
