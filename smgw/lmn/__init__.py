"""Meter sources on the Local Metrological Network: simulator, CSV replay, SML over a serial port."""
