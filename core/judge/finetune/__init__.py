"""Fine-tuning judges on the labels: splits, training data, recipe, training runs and checkpoints."""
