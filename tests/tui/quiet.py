"""Waits until a desk under test has nothing left to do.

Textual's own pilot takes a process that uses no processor time for an idle one. On a busy machine that is also a
process which does not get the processor, and then a test reads a screen that is only half way there. What is waited
for here is the state itself: empty message queues, no handler at work, no callback due, nothing to paint, no worker at
work. Nothing is sent for that: the pilot's own way is a message to each widget, which is most of what a desk under test
would do.

Painting is most of the rest. So a screen is laid out whenever that is due, but painted once nothing else is: what is
painted on the way is painted over at once.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

from textual._context import active_app
from textual.app import App, ScreenStackError
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen
from textual.worker import Worker

#: A desk that is not at rest within this time hangs, even on a busy machine.
WITHIN_S = 600.0
#: What a key started is waited for this long; longer work is one that the test holds back.
_GRACE_S = 1.0
#: How often in a row nothing may be due before it is believed: work may hop between queue and task.
_ROUNDS = 3
_STEP_S = 0.002

_held: WeakSet[Worker[Any]] = WeakSet()
#: The screens that are to be painted.
_unpainted: WeakSet[Screen[Any]] = WeakSet()
_refresh = Screen._compositor_refresh


async def wait_for_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """In place of `textual._wait.wait_for_idle`; work that takes longer than a moment is not waited for."""
    await quiet(active_app.get(), patient=False)


async def wait_for_screen(pilot: Pilot[Any], timeout: float = WITHIN_S) -> bool:
    """In place of `Pilot._wait_for_screen`, likewise."""
    await quiet(pilot.app, patient=False)
    return pilot.app._exception is None


def paint_later(screen: Screen[Any]) -> None:
    """In place of `Screen._compositor_refresh`: the regions to be painted add up."""
    if screen is screen.app.screen:
        screen._dirty_widgets.clear()
        _unpainted.add(screen)
    else:
        _refresh(screen)


async def quiet(app: App[Any], *, patient: bool = True) -> None:
    """Wait until nothing is due in `app`, and paint it: the desk takes a decision only on what it has painted.

    Args:
        patient: whether to wait for workers however long they work; else those that take longer than a moment are
            left alone, now and the next time.
    """
    deadline = time.monotonic() + WITHIN_S
    rounds = 0
    while rounds < _ROUNDS and not _is_over(app):
        assert time.monotonic() < deadline, f"the desk does not come to rest: {_due(app, patient)}"
        await _workers_end(app, patient)
        await asyncio.sleep(0)
        if _goes_on():
            rounds = 0
        elif _due(app, patient):
            rounds = 0
            _begin_frame(app)
            await asyncio.sleep(_STEP_S)
        elif _lay_out_behind(app) or _paint(app):
            rounds = 0
        else:
            rounds += 1


def _lay_out_behind(app: App[Any]) -> bool:
    """Lay out the screens behind a dialog, which otherwise look as they did when it was opened; whether any was due."""
    due = [screen for screen in app._background_screens if screen._layout_required] if app.screen_stack else []
    for screen in due:
        screen._layout_required = False
        screen._refresh_layout()
    if due:
        app.screen.refresh()
    return bool(due)


async def _workers_end(app: App[Any], patient: bool) -> None:
    deadline = time.monotonic() + (WITHIN_S if patient else _GRACE_S)
    while (busy := _busy(app, patient)) and not _is_over(app):
        if time.monotonic() > deadline:
            # The test holds them back, or they hang: who is patient fails then.
            _held.update(busy)
            return
        await asyncio.sleep(_STEP_S)


def _busy(app: App[Any], patient: bool) -> list[Worker[Any]]:
    return [worker for worker in app.workers if not worker.is_finished and (patient or worker not in _held)]


def _is_over(app: App[Any]) -> bool:
    """Whether the desk has ended or failed, or is about to."""
    return app._exception is not None or app._exit or app._closing or app._closed or not app._running


def _begin_frame(app: App[Any]) -> None:
    """Lay out now what would be laid out with the next frame."""
    try:
        app.screen._on_timer_update()
    except ScreenStackError:
        return


def _paint(app: App[Any]) -> bool:
    """Paint the screen; whether there was anything to paint."""
    if not app.screen_stack or app.screen not in _unpainted:
        return False
    _unpainted.discard(app.screen)
    _refresh(app.screen)
    return True


def _due(app: App[Any], patient: bool) -> list[str]:
    """What is still to be done, in words for whoever reads of a failure."""
    return [*(f"{worker.group} works" for worker in _busy(app, patient)), *_pending(app)]


def _goes_on() -> bool:
    """Whether a task goes on at once."""
    return bool(asyncio.get_running_loop()._ready)  # type: ignore[attr-defined]


def _pending(app: App[Any]) -> Iterator[str]:
    if app._resize_event is not None or app._resize_timer is not None:
        yield "a resize that Textual holds back for a moment"
    if _goes_on():
        yield "tasks that go on at once"
    pump: MessagePump
    for pump in [app, *app._registry]:
        if pump._running and not pump._closing:
            yield from _pending_in(pump)
    try:
        screen = app.screen
    except ScreenStackError:
        return
    if screen._callbacks:
        yield f"callbacks after the next frame of {screen}"
    if app._batch_count:
        yield "updates that Textual holds back for a moment, as after a screen was opened"
    elif (
        screen._layout_required or screen._scroll_required or screen._repaint_required
        or screen._recompose_required or screen._dirty_widgets
    ):  # fmt: skip
        yield f"{screen} is to be painted"


def _pending_in(pump: MessagePump) -> Iterator[str]:
    queue = pump._message_queue
    if not queue.empty() or pump._pending_message is not None:
        yield f"messages for {pump}"
    elif not queue.ready_event._waiters:  # type: ignore[attr-defined]  # it waits for its queue, or it is at work
        yield f"a message that {pump} handles"
    if pump._next_callbacks:
        yield f"callbacks of {pump}"
