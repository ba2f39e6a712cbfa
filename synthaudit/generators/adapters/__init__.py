"""Other people's generators, behind the protocols of this project: one file for each kind of URI."""
