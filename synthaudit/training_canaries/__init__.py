"""Patients in or out of training by sealed coin flips, so that a claim of differential privacy can be refuted."""
