"""The published language: codes, identifiers, messages and their structure; imports nothing else of ours."""
