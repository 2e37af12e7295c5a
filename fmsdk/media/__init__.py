"""Media files: where their bytes are (`source`), what they are (`sniff`), what their headers say
(`header`, which uses `image`, `audio` and `document`), whether they are complete and safe to decode
(`integrity`, by `limits`), how they are fetched (`fetch`), and how pictures are made smaller
(`resize`). Knows no message, request or provider."""
