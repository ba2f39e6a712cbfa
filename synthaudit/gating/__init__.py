"""Audits while a generator is trained: a checkpoint that copies patients stops the training."""
