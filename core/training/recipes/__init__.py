"""Training recipes: the hyperparameters of a retrain, as YAML files."""
