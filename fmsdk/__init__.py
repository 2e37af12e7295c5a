"""One typed interface to every foundation model, hosted or local."""
