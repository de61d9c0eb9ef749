"""Where parcels are shipped from."""
