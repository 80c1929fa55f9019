"""The Flax side: any network as a function of what it holds."""
