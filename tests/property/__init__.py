"""Properties that hold for random input, proved against brute force and against the real thing."""
