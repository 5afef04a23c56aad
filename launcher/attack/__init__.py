"""`dcnet demo --attack`: a provider that lies, and what it learns of a household in each suite."""
