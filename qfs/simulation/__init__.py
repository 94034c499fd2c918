"""A network from a seed, run through the machinery of an instance; see docs/simulation.md."""
