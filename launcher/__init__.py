"""The `dcnet` command, the all-in-one launcher and the simulation."""
