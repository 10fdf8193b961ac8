"""Judging through an OpenAI-compatible server: address and key, HTTP client, response parsing, failures."""
