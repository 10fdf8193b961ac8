"""Text of product listings: cleaning, quantities, packs, model numbers, vocabulary, and safe display."""
