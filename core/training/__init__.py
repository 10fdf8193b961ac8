"""Fine-tuning the encoder with LoRA, and promotion of the result."""
