"""Pages in a real browser; its event loop ends with the last test of this folder, before others begin theirs."""
