"""The FIFO write lock: order, time-outs, and holders that die."""

import os
import signal
import threading
import time
from pathlib import Path

from labels.write_lock import FifoWriteLock


def wait_for_queue(lock: Path, waiting: int) -> None:
    """Until so many wait for a lock: proc(5), /proc/locks has a line with an arrow for each; elsewhere a while."""
    locks, inode = Path("/proc/locks"), f":{lock.stat().st_ino} "
    if not locks.exists():
        time.sleep(0.2)
        return
    deadline = time.monotonic() + 60
    while sum("->" in line and inode in line for line in locks.read_text().splitlines()) < waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_writers_are_served_one_at_a_time_in_order(tmp_path: Path) -> None:
    path, order = tmp_path / "labels.db", list[int]()
    inside, most = 0, 0

    def visit(number: int) -> None:
        nonlocal inside, most
        lock = FifoWriteLock(path)
        with lock.hold(240):
            inside += 1
            most = max(most, inside)
            order.append(number)
            time.sleep(0.005)
            inside -= 1
        lock.close()

    first = FifoWriteLock(path)
    with first.hold(240):
        visitors = [threading.Thread(target=visit, args=(number,)) for number in range(8)]
        for visitor in visitors:
            visitor.start()
            wait_for_queue(path.with_name("labels.db.lock"), visitors.index(visitor) + 1)
    for visitor in visitors:
        visitor.join()
    first.close()
    assert most == 1
    assert order == list(range(8))


def test_a_waiter_that_times_out_does_not_block_others_later(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    holder, impatient, third = FifoWriteLock(path), FifoWriteLock(path), FifoWriteLock(path)
    threads = set(threading.enumerate())
    with holder.hold(240):
        begun = time.monotonic()
        with impatient.hold(0.05):
            assert 0.04 < time.monotonic() - begun < 60
    # What the impatient one queued for comes in now, and must be let go of at once.
    for thread in set(threading.enumerate()) - threads:
        thread.join()
    begun = time.monotonic()
    with third.hold(20):
        assert time.monotonic() - begun < 15
    for lock in (holder, impatient, third):
        lock.close()


def test_the_lock_of_a_killed_process_is_released(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            with FifoWriteLock(path).hold(240):
                os.write(write, b"x")
                time.sleep(600)
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"x"
    lock = FifoWriteLock(path)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    begun = time.monotonic()
    with lock.hold(240):
        assert time.monotonic() - begun < 60
    lock.close()


def test_a_read_only_folder_means_no_lock_and_no_waiting(tmp_path: Path) -> None:
    lock, begun = FifoWriteLock(tmp_path / "absent" / "labels.db"), time.monotonic()
    with lock.hold(240):
        waited = time.monotonic() - begun
    lock.close()
    assert waited < 60
    assert list(tmp_path.iterdir()) == []


def test_a_replaced_lock_file_is_dropped(tmp_path: Path) -> None:
    """Two writers who queue at two files would not wait for each other."""
    path = tmp_path / "labels.db"
    old, new, order = FifoWriteLock(path), FifoWriteLock(path), list[str]()
    with old.hold(240):
        pass
    path.with_name("labels.db.lock").unlink()
    with new.hold(240):
        late = threading.Thread(target=lambda: _visit(old, order))
        late.start()
        order.append("first")
    late.join()
    old.close()
    new.close()
    assert order == ["first", "second"]
    assert [each.name for each in tmp_path.iterdir()] == ["labels.db.lock"]


def _visit(lock: FifoWriteLock, order: list[str]) -> None:
    with lock.hold(240):
        order.append("second")
