"""Jobs in a local model's process: urgent ones first, cancelled ones never."""

import threading

from offhook.models.local.wire import Submit, raw
from offhook.models.local.worker import JobQueue


def submit(job_id: int, priority: int = 0) -> Submit:
    return Submit(job_id, priority, raw(None))


def test_urgent_jobs_go_first_and_equal_ones_in_their_order():
    jobs = JobQueue()
    for job_id, priority in ((1, 10), (2, 0), (3, 10), (4, 0)):
        jobs.put(submit(job_id, priority))
    assert [jobs.get().id for _ in range(4)] == [2, 4, 1, 3]


def test_a_cancelled_job_is_passed_over():
    jobs = JobQueue()
    jobs.put(submit(1))
    jobs.put(submit(2))
    jobs.cancel(1)
    assert jobs.get().id == 2


def test_a_running_job_learns_that_it_is_no_longer_wanted():
    jobs = JobQueue()
    jobs.put(submit(1))
    jobs.get()
    assert jobs.wanted(1)
    jobs.cancel(1)
    assert not jobs.wanted(1)


def test_a_waiting_thread_gets_the_job_that_comes():
    jobs, got = JobQueue(), []
    thread = threading.Thread(target=lambda: got.append(jobs.get().id))
    thread.start()
    jobs.put(submit(7))
    thread.join(5)
    assert got == [7]
