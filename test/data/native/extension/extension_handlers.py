"""Handlers that call an extension in C, which the test has compiled into NATIVE_TEST_EXTENSIONS."""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.environ["NATIVE_TEST_EXTENSIONS"])

import tally
from treadle import StepHandler


class Counts(StepHandler):
    def process(self, task, sequence, step):
        return {"counted": tally.count()}


class Refuses(StepHandler):
    def process(self, task, sequence, step):
        tally.refuse()


class Meets(StepHandler):
    def process(self, task, sequence, step):
        tally.meet()


class Holds(StepHandler):
    def process(self, task, sequence, step):
        step.progress(0.5, "holding")
        tally.hold(task.context["seconds"])
