"""The calls that systems make, one module a resource."""
