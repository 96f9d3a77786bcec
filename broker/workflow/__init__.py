"""One verb a file; each step is one transaction and none is held open across a network call."""
