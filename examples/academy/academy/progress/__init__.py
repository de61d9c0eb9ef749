"""Progress: who is enrolled in which path, and how far each learner is."""
