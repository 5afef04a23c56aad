"""Whether published superpositions look as they must: uniform, and unrelated to the readings below them."""
