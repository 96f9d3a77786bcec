"""How agencies speak: one module for each kind, which turns native events into messages; the broker is never imported here."""
