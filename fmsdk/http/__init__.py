"""HTTP transports, bounded decompression and error mapping."""
