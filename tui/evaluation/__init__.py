"""Evaluations of encoder and matcher: metrics with intervals, bands, calibration."""
