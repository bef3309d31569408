"""How many runners are worth paying for: whole days of made-up work, under the real train and under policies beside it.

`work` makes the day up from a few numbers and a seed; `ours` plays it with the real `decide`; `models` has the policies
it is compared with; `measure` turns either into the same figures; `sweep` asks for other numbers of runners.
"""
