"""Python types as JSON Schema, and the vendors' strict dialects of it."""
