"""Media files: where their bytes are (`source`), what they are (`sniff`), what their headers say
(`header`, by way of `image`, `audio`, `document`), whether they are whole (`whole`), and fetching
them safely (`fetch`). Knows no message, request or provider."""
