"""One call of any verb: check, fetch media, attempt, retry, price."""
