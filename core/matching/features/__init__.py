"""What can be said about one pair: a vector of named features, made for many pairs at once."""
