"""Simulation: the real cores of both sides in virtual time, with faults, an oracle and an observer.

`scenario` draws from a seed what will happen, `world` lets it happen, `oracle`, `audit` and `genuine` know the truth
and check every effect, `observer` proves what the provider can determine, and `drawings` that nobody chose a neighbor.
`liar` lets the provider lie, `verdict` judges a run, `campaign` runs many seeds and tests that draws are uniform.
Source: ARCHITECTURE.md, "Two pure cores, thin shells".
"""
