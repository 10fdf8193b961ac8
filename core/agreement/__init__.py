"""How far people agree with each other and with adjudicated truth, and how they work."""
