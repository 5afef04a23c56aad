"""The electricity provider: a pure network machine in `core`, and around it the aggregator, the store and the results."""
