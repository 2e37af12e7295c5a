"""What the tests of hosted providers share."""
