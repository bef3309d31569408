"""The engine beside engines that others wrote, on the same bars and orders: `make test-differential`."""
