"""The network machine: what the provider does, with no clock, socket, file or randomness of its own."""
