"""What is remembered: tables, query functions, migrations and the codec; no decisions."""
