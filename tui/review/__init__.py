"""The review screen: a query, its candidates, the decision keys, and what opens from there."""
