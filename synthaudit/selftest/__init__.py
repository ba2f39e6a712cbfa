"""Every probe against generators whose truth is known."""
