"""The smart meter gateway: a pure member machine in `core`, and around it the agent, the meters (LMN) and the vault."""
