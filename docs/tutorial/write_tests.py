"""A test writer: one test for each extension module there is, that it can be loaded by its documented name."""

import sys
from pathlib import Path

HEAD = '''"""Every extension can be loaded by its full name, and leaves plain text alone."""

import unittest

import markdown


class TestExtensionNames(unittest.TestCase):
'''
CASE = """    def test_{name}(self):
        self.assertEqual(markdown.markdown("plain", extensions=["markdown.extensions.{name}"]), "<p>plain</p>")
"""


def main() -> None:
    """Write the module named on the command line."""
    names = sorted(path.stem for path in Path("markdown/extensions").glob("[a-z]*.py"))
    Path(sys.argv[1]).write_text(HEAD + "\n".join(CASE.format(name=name) for name in names), encoding="utf-8")
    print(f"{len(names)} tests written")


main()
