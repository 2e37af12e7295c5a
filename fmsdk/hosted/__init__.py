"""What the providers that speak HTTP share.

- `options`: keys, headers and configuration as users write them
- `request_builder`: what the encoders of every verb share: warnings, unsupported settings, the body
- `conversation_encoder`: what the encoders of conversations share: turns, parts, tool-call ids
- `body`: a JSON body whose media is base64-encoded once and never copied
- `token_counts`: the counts of a usage object
- `decoding`: from bytes to values and events; the base of every decoder
- `sse`, `json_array`: from a stream's bytes to the payloads of its events
- `provider`: the base of every hosted provider; a vendor adds its encoder and decoder

`fmsdk.http` sends the bodies and maps errors.

This package knows no vendor, and `import fmsdk` imports nothing of it.
"""
