"""Can a person be found again: verifiers, their quality on real pairs, linkage beyond holdout."""
