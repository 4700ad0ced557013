"""The clients of the API, one folder each; `python -m clients.generate` brings them in step with docs/openapi.json."""
