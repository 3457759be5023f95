"""Several rankings to one: reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009)."""

from __future__ import annotations

from collections.abc import Sequence

K = 60  # the paper's: high ranks count more, but none alone decides


def fuse(*rankings: Sequence[int]) -> list[tuple[int, float]]:
    """Ids by their fused score, best first. 1.0 is the first place in every ranking that there is."""
    there = [ranking for ranking in rankings if ranking]
    scores: dict[int, float] = {}
    for ranking in there:
        for place, each in enumerate(ranking):
            scores[each] = scores.get(each, 0.0) + (K + 1) / (K + 1 + place) / len(there)
    return sorted(scores.items(), key=lambda pair: -pair[1])
