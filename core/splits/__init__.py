"""Labels turned into training and evaluation data, leakage-safe."""
