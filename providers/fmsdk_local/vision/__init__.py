"""Pictures as the pixels that a model takes."""
