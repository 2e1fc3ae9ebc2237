"""Interrupts of an event loop, as fast as they can be raised: whom do they strike?"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from types import SimpleNamespace

from treadle import StepCancelled, StepHandler
from treadle.native.deaf import Deaf
from treadle.native.turn import Turn
from treadle.worker.on_loop import RUNNING


class Races(StepHandler):
    """A loop of its own, with one task at a time that should stop and five that should not."""

    def process(self, task, sequence, step):
        [port] = {each._port for each in gc.get_objects() if isinstance(each, Deaf)}
        turn = Turn(port)
        turn.loop.start()
        race = Race()
        racing = asyncio.run_coroutine_threadsafe(race.run(), turn.loop.turning)
        until = time.monotonic() + task.context["seconds"]
        while time.monotonic() < until:
            turn.interrupt(race.job)
        race.ends = True
        racing.result(timeout=10)
        turn.loop.close()
        return {"struck": race.struck, "hit": race.hit, "steps": race.steps}


class Race:
    def __init__(self):
        self.ends = False
        self.struck = self.hit = self.steps = 0
        self.job = job_of("none")

    async def run(self):
        neighbours = [asyncio.create_task(self.neighbour()) for _ in range(5)]
        turns = 0
        while not self.ends:
            turns += 1
            self.job = job_of(f"told-{turns}")
            await asyncio.create_task(self.told(self.job.claim_token))
        await asyncio.gather(*neighbours)

    async def told(self, token):
        """Leaves its steps at any moment of an interrupt's way."""
        RUNNING.set(token)
        try:
            while not self.ends:
                await asyncio.sleep(0)
                time.sleep(random.random() * 0.0002)
        except StepCancelled:
            self.struck += 1

    async def neighbour(self):
        while not self.ends:
            try:
                await asyncio.sleep(0)
                self.steps += 1
            except StepCancelled:
                self.hit += 1


def job_of(token):
    return SimpleNamespace(claim_token=token, cancelled=SimpleNamespace(reason="timed_out"))
