"""Freestone: an application as small services, run as one process or cut along its contracts into many."""
