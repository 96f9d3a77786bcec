"""Journeys speak in domain verbs over HTTP only, with time under control."""
