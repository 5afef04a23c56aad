"""The electricity provider: a pure network machine in `core`, and around it aggregator, store and results."""
