"""The Baton service: domain, workflow, storage, bus, web and the entry points that wire them."""
