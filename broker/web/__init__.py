"""HTTP: the FHIR and REST interface, callers, and the only file with status codes."""
