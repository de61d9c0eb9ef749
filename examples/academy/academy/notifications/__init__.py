"""The service *notifications*: letters to learners."""
