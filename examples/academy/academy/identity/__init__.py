"""Identity: who the learners are, and whether they are signed in."""
