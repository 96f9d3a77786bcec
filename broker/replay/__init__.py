"""Stories of families as files, replayed on a simulated clock through the same code that serves, and judged."""
