"""Tests with the real Mosquitto, real processes and real ports."""
