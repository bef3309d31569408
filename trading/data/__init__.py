"""Facts about the market that nobody here decides: sessions of the exchange, and prices as they were traded.

`intake` reads prices (`sheet` the columns, `spelling` numbers and days), `quality` keeps faulty rows apart, `bars`
holds the rest as whole numbers with a digest; the `catalog` keeps datasets by name, `shared` maps one into many
processes; `features` and `pit` add to bars what was known by then.
"""
