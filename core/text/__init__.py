"""Text of products: templates for the encoder, and text made safe to show."""
