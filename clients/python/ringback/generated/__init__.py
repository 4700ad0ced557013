"""Generated from docs/openapi.json by `make clients`; what is changed here by hand is lost."""
