"""Models that generate text, from prompts of text and media."""
