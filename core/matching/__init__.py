"""The matcher: features, models, calibration, bands, explanations."""
