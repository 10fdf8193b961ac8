"""Statistics without a domain: intervals, agreement coefficients, seeded samples."""
