"""Migrations in order; each is forward only and expands before it contracts."""
