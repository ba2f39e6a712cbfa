"""Is each synthetic image, and each part of it, supported by real images."""
