"""The protocol as pure functions and values, shared by gateway and provider."""
