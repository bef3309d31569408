"""Run by the Python of the tools, in a folder with the sources: translates modules to C and compiles them below `made`.

`translate.py PYTHON SOURCE…`; PYTHON is the one the libraries are for, whose packages have the types.
"""

from __future__ import annotations

import sys


def main(python: str, sources: list[str]) -> None:
    """Compile sources into libraries below `made`."""
    from mypyc.build import mypycify
    from setuptools import setup

    options = ["--config-file=", "--cache-dir=types", f"--python-executable={python}"]
    extensions = mypycify([*options, *sources], opt_level="3", debug_level="0", group_name="trading", target_dir="c")
    for extension in extensions:
        # A product and a sum stay two operations, and a power is the library's, as in Python: floats to the last bit.
        # A warning of a compiler that is newer than mypyc is no failure.
        extension.extra_compile_args += ["-fno-fast-math", "-ffp-contract=off", "-fno-builtin-pow", "-Wno-error"]
    words = ["--quiet", "build_ext", "--build-lib", "made", "--build-temp", "objects"]
    setup(name="trading-compiled", packages=[], py_modules=[], ext_modules=extensions, script_args=words)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
