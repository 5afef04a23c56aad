"""The member machine: what a gateway does, with no clock, socket, file or randomness of its own."""
