"""The encoders that come with synthaudit."""
