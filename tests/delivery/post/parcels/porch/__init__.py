"""Where parcels arrive."""
