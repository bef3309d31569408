"""What was tried, how it went, and who said that it may trade: a ledger, and the gate in front of a promotion.

The walk: a candidate is created → its data is pinned → runs, failed ones too, and checks are recorded → the folds of a
walk forward are stored → somebody else reviews → `promotion` says what is missing, or nothing. Pure: `sharpe`,
`overfit`, `folds`, `source`, `reach`, `trials`, `promotion`, `changes`. `ledger` keeps entries and never changes one.
"""
