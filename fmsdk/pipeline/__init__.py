"""One call, whatever the verb: check, fetch media, attempt, retry, price."""
