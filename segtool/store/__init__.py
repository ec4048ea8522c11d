"""What is kept on the disk: files, cards, models, checkpoints."""
