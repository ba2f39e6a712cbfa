"""A set of images, looked at before anything long starts: what is there, what would be done with it, what is wrong."""
