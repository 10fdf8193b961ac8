"""Where somebody was at the desk, and how they left it."""
