"""What the benchmarks of hosted providers share: a loopback server that speaks every wire, and
the same question asked through fmsdk, through the vendor's own SDK, and over bare HTTP."""
