"""The service *search*: what the paths say, found by its words."""
