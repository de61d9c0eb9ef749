"""Parcels that are shipped, and a porch that hears of them."""
