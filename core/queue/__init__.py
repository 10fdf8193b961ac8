"""Which query comes next, and why."""
