"""Fine-tuning the encoder with LoRA."""
