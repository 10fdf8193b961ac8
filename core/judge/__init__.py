"""Optional second-opinion models for pairs: a cross-encoder, a local LLM (mlx-lm), or an OpenAI-compatible server."""
