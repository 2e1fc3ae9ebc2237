"""Handlers for the tests of the native addon: each does one thing that an embedded interpreter may get wrong."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import threading
import time

from treadle import PermanentError, StepCancelled, StepHandler

#: For handlers that can go on only when four of them run at once.
FOUR = threading.Barrier(4)


class Echo(StepHandler):
    def process(self, task, sequence, step):
        return task.context


class AsyncEcho(StepHandler):
    async def process(self, task, sequence, step):
        return task.context


class Declines(StepHandler):
    def process(self, task, sequence, step):
        raise PermanentError("the card is stolen", error_code="card_declined")


class FourAtOnce(StepHandler):
    def process(self, task, sequence, step):
        return {"place": FOUR.wait(timeout=30)}


class FourAwaiting(StepHandler):
    waiting: list[asyncio.Future] = []

    async def process(self, task, sequence, step):
        mine = asyncio.get_running_loop().create_future()
        self.waiting.append(mine)
        if len(self.waiting) == 4:
            for each in self.waiting:
                each.set_result(None)
        await asyncio.wait_for(mine, timeout=30)


class Burns(StepHandler):
    def process(self, task, sequence, step):
        until = time.monotonic() + task.context["seconds"]
        turns = 0
        while time.monotonic() < until:
            turns += 1
        return {"turns": turns}


class Collects(StepHandler):
    def process(self, task, sequence, step):
        return {"collected": gc.collect()}


class Surroundings(StepHandler):
    def process(self, task, sequence, step):
        import psycopg2
        from google.protobuf.internal import api_implementation

        return {
            "prefix": sys.prefix,
            "protobuf": api_implementation.Type(),
            "extension": psycopg2._psycopg.__file__,
            "api": ctypes.pythonapi.Py_IsInitialized(),
            "grpc": "grpc" in sys.modules,
            "thread": threading.current_thread() is threading.main_thread(),
        }


class Shell(StepHandler):
    def process(self, task, sequence, step):
        done = subprocess.run(["sh", "-c", "echo from python; exit 3"], capture_output=True, text=True)
        return {"said": done.stdout.strip(), "status": done.returncode}


class AsyncShell(StepHandler):
    async def process(self, task, sequence, step):
        child = await asyncio.create_subprocess_exec("sh", "-c", "exit 3")
        return {"status": await child.wait()}


class Listens(StepHandler):
    def process(self, task, sequence, step):
        step.progress(0.5, "waiting")
        step.cancelled.wait()
        step.raise_if_cancelled()


class Spins(StepHandler):
    def process(self, task, sequence, step):
        step.progress(0.5, "spinning")
        return spin()


#: Until then deaf handlers hear nothing.
WAKE = threading.Event()


class Asleep(StepHandler):
    def process(self, task, sequence, step):
        WAKE.clear()
        step.progress(0.5, "sleeping")
        WAKE.wait()


class AsleepOnce(StepHandler):
    """Deaf at its first attempt."""

    def process(self, task, sequence, step):
        if step.attempt == 1:
            WAKE.wait()


class WakesThem(StepHandler):
    def process(self, task, sequence, step):
        WAKE.set()


class AsyncAsleep(StepHandler):
    """Blocks its event loop where no exception reaches it."""

    async def process(self, task, sequence, step):
        WAKE.clear()
        step.progress(0.5, "blocking the loop")
        WAKE.wait()


class AsyncSpins(StepHandler):
    async def process(self, task, sequence, step):
        step.progress(0.5, "spinning")
        return spin()


class AsyncBegins(StepHandler):
    """Blocks its event loop in a task of its own making."""

    async def process(self, task, sequence, step):
        step.progress(0.5, "spinning")
        return await asyncio.wait_for(self.spins(), timeout=3_600)

    async def spins(self):
        return spin()


class AsyncSwallows(StepHandler):
    """Does not block its event loop, and does not stop."""

    async def process(self, task, sequence, step):
        WAKE.clear()
        step.progress(0.5, "waiting")
        while not WAKE.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue


class AsyncBurns(StepHandler):
    async def process(self, task, sequence, step):
        step.progress(0.5, "burning")
        return Burns().process(task, sequence, step)


class AsyncPatient(StepHandler):
    """Awaits another one's word, and says on which thread it heard it."""

    waiting: list[asyncio.Future] = []

    async def process(self, task, sequence, step):
        mine = asyncio.get_running_loop().create_future()
        self.waiting.append(mine)
        step.progress(0.5, "waiting")
        await mine
        return {"loop": threading.get_ident()}


class SpeaksToThem(StepHandler):
    def process(self, task, sequence, step):
        while AsyncPatient.waiting:
            mine = AsyncPatient.waiting.pop()
            mine.get_loop().call_soon_threadsafe(mine.set_result, None)


class AsyncThread(StepHandler):
    async def process(self, task, sequence, step):
        return {"loop": threading.get_ident()}


def spin():
    try:
        while True:
            pass
    except StepCancelled as order:
        return {"reason": order.reason}


class AsyncWaits(StepHandler):
    async def process(self, task, sequence, step):
        step.progress(0.5, "waiting")
        await asyncio.Event().wait()


class DiesOnce(StepHandler):
    """Takes its process with it on the first attempt."""

    def process(self, task, sequence, step):
        if step.attempt > 1:
            return {"lives": True}
        if self.config["by"] == "exit":
            os._exit(0)
        if self.config["by"] == "segfault":
            ctypes.string_at(0)
        sys.setrecursionlimit(2**31 - 1)
        threading.stack_size(64 * 1024)
        threading.Thread(target=deeper).start()
        return time.sleep(60)


def deeper():
    """Overflows the stack in C, where Python does not count."""
    return sorted([1, 2], key=lambda each: deeper())
