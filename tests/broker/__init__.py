"""Tests of the bus that need no process and no socket."""
