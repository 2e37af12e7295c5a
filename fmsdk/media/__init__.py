"""Media files: where their bytes are (`source`), what their headers say (`image`, `audio`,
`document`), and fetching them safely (`fetch`). Knows no message, request or provider."""
