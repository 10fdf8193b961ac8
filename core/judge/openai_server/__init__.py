"""Talking to an OpenAI-compatible server: where it is, what it says, and what becomes of it when it misbehaves."""
