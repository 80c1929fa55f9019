"""torch.nn.functional's operations, one file a family; `jaxconv.functional` has their names."""
