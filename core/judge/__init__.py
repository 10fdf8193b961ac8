"""A second opinion on pairs: a cross-encoder, an LLM on this machine, or one behind a URL. Optional everywhere."""
