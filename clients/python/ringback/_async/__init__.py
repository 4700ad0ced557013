"""The asynchronous client; `ringback._sync` is made from this by `make clients`."""
