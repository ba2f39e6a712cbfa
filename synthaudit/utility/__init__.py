"""What a classifier learns from the synthetic images, tested on real ones of other patients."""
