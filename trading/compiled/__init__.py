"""The engine compiled: the same source, translated by mypyc, for processes that play runs and for no others.

`modules` says what is compiled and names a build by all it was made of, `build` makes one in the cache, `finder` has a
process import it in place of the source. `plain` is for the gate's processes: they take nothing that was compiled.
Nothing here imports the engine; without a build that fits, the source runs, and a run's bytes are the same either way.
"""
