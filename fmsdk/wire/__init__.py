"""What the providers that speak HTTP share, each thing once.

- `options`: keys, headers and configuration as users write them
- `draft`: an encoder's notebook: what could not go along, and who hears of it
- `body`: a JSON body whose media is base64-encoded once and never copied
- `transport`: a request over the wire, and what breaks there; `sdk`: through a vendor's SDK
- `blame`: from a server's error body, or a broken connection, to `fmsdk.errors`
- `counts`: the counts of a usage object
- `read`: from bytes to shapes, from a stream's bytes to events
- `hosted`: the provider that these make, but for the vendor's own encoder and decoder

No vendor is known here, and nothing of this is imported by `import fmsdk`.
"""
