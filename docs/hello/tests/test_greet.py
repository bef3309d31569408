import unittest

from greet import greet


class Greets(unittest.TestCase):
    def test_by_name(self) -> None:
        assert greet("Ada") == "Hello, Ada"
