"""Simulation: the real cores of both sides in virtual time, with faults, an oracle and an observer.

`scenario` draws from a seed what will happen, `world` lets it happen, `oracle` and `audit` know the true sums and
check every effect, `observer` proves what the provider can determine, `campaign` runs many seeds.
Source: ARCHITECTURE.md, "Two pure cores, thin shells".
"""
