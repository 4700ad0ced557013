"""A model of what clients do, and what must hold whatever they do."""
