"""`python -m broker.cli` is `baton`."""

from broker.cli import main

main()
