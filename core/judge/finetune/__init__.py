"""Fine-tuning a judge on the labels: recipe, training files, training, checkpoints."""
