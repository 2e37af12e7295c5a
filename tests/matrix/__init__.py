"""Every content part, source and setting on every wire: it arrives, or the caller hears of it.

- `media`: small valid files, each unlike every other, and a place to fetch them from
- `facts`: what a request asks, in pieces small enough to be missed one by one
- `readback/`: a vendor's body back into what it asks, by the vendor's documentation
- `wires`: the servers' dialects under test, a line each; `answers`: what their servers say
- `cells`: what is asked; `pairs`: two of everything at once; `conversations`: many turns
- `probe`: asks over a real socket and compares; `render`: docs/reference/support.md

A silent loss is a fact that was asked, is not in the body, and that no warning names.
"""
