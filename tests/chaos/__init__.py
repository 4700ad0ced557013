"""Faults under load, and the proof that nothing is lost: `make chaos`."""
