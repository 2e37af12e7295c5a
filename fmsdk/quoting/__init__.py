"""Tokens and cost of a request before it is sent."""
