"""Wires that messages come and go by besides HTTP, one module each: how each is spoken, and nothing of what is said."""
