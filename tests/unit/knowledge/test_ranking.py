"""Rankings are merged by their places."""

from offhook.knowledge.ranking import fuse


def test_what_both_rank_high_wins():
    assert [each for each, _ in fuse([1, 2, 3], [2, 4, 1])] == [2, 1, 4, 3]


def test_one_ranking_alone_keeps_its_order_and_its_first_scores_one():
    assert [each for each, _ in fuse([3, 1, 2], [])] == [3, 1, 2]
    assert fuse([3, 1, 2])[0] == (3, 1.0)
    assert fuse([7], [7]) == [(7, 1.0)]
    assert fuse([], []) == []
