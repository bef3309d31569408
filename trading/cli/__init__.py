"""What a person types: one verb group a module, parsed by `grammar`, called by `main`.

Data on stdout, remarks on stderr; exit 0 done or yes, 1 not done or no, 2 misuse or a file that is not there.
"""
