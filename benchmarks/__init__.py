"""How fast layers and networks are, beside torch and plain lax: `python -m benchmarks`."""
