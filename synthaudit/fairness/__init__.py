"""Groups of patients: who is there, who is covered, who is exposed, and how much of it is chance."""
