"""The gateway administrator (GWA): an offline authority that issues and revokes certificates.

Source: BSI TR-03109-4; docs/protocol.md, "Certificates".
"""
