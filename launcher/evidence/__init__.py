"""Evidence of a provider's offenses: taken from a gateway's vault as a file, and judged by anybody else."""
