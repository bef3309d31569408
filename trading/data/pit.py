"""Joins that know nothing too early: a bar gets what had been published when it was complete, as it was then.

A figure belongs to a period, becomes known at a moment, and may be published again. At any moment the one that counts
is of the latest period known by then, in its last version known by then.
"""

from __future__ import annotations

import polars


def as_of(bars: polars.LazyFrame, facts: polars.LazyFrame, columns: tuple[str, ...]) -> polars.LazyFrame:
    """Return bars (`symbol`, `at`) with columns of facts (`symbol`, `period`, `known_at`), null before any is known.

    What becomes known at the moment at which a bar is complete is known to it. A late revision of an older period does
    not take the place of a newer one.
    """
    ordered = facts.sort("known_at", "period", maintain_order=True)
    newest = ordered.filter(polars.col("period") == polars.col("period").cum_max().over("symbol"))
    return (
        bars.sort("at", maintain_order=True)
        .join_asof(
            newest.select("symbol", "known_at", *columns),
            left_on="at",
            right_on="known_at",
            by="symbol",
            strategy="backward",
            check_sortedness=False,
        )
        .sort("at", "symbol")
    )
