"""Media files: where their bytes are (`source`), what they are (`sniff`), what their headers say
(`header`, by way of `image`, `audio`, `document`), whether they are whole (`whole`, `recording`)
and no bombs (`frames`, `limits`), fetching them safely (`fetch`), and making pictures smaller
(`resize`). Knows no message, request or provider."""
