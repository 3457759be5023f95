"""A finished call is in the queue from the moment its end is, and leaves it when all is told."""

import pytest

from offhook.record import events as e
from offhook.record.lifecycle import EndCode, EndReason, Status
from offhook.store.post_call import PostCallJobs

ENDED = EndReason(EndCode.PLATFORM_FAILURE, "platform")


@pytest.fixture
def jobs(database):
    return PostCallJobs(database)


async def test_a_call_is_queued_by_its_end_and_only_once(writer, begin, jobs):
    talk = begin(writer)
    await talk.say("Hello")
    assert jobs.claim(10) == []
    await talk.end()
    await talk.add(e.StatusChanged(at=61.0, status=Status.FAILED, end_reason=ENDED))
    (lease,) = jobs.claim(10)
    assert (lease.id, lease.row["organization_id"]) == (talk.record.call_id, talk.record.created.organization_id)
    assert jobs.claim(10) == []


async def test_an_orphan_that_is_closed_is_queued_too(writer, begin, jobs):
    talk = begin(writer)
    await writer.flush()
    end = e.StatusChanged(at=9.0, status=Status.FAILED, end_reason=ENDED)
    await writer.amend(talk.record.call_id, talk.record.created.organization_id, lambda _: [end])
    assert [lease.id for lease in jobs.claim(10)] == [talk.record.call_id]


async def test_a_call_given_back_is_due_later_and_one_that_is_done_is_gone(writer, begin, jobs):
    for _ in range(2):
        await begin(writer).end()
    first, second = jobs.claim(10)
    assert jobs.again(first, 0.0)
    assert jobs.again(second, 60.0)
    (again,) = jobs.claim(10)
    assert (again.id, again.attempt) == (first.id, 2)
    assert not jobs.renew(first)
    assert jobs.renew(again)
    jobs.done(again)
    assert not jobs.renew(again)
