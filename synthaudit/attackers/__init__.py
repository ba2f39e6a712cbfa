"""The three risks of the WP29 opinion, as attacks by someone who holds the synthetic images."""
