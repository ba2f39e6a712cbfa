"""What an audit asks of a generator that makes one image of another."""
