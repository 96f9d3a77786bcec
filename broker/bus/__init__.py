"""How internal work is announced and picked up: one protocol, one suite, an embedded implementation."""
