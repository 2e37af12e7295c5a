"""Whether a media file is whole, and whether decoding it is safe."""
