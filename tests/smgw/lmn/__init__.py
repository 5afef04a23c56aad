"""Tests of the meter sources."""
