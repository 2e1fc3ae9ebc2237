"""Where attempts run: asynchronous handlers on the event loop, the others on threads or, where that is asked for, in
processes."""

from __future__ import annotations

from ..handler import AnyHandler
from .event_loop import EventLoop
from .job import Job
from .on_loop import run_on_loop
from .on_thread import run_on_thread
from .processes import ProcessPool
from .registry import Registry
from .thread_pool import ThreadPool


class Runner:
    """Begins jobs; each says itself when it has ended."""

    def __init__(self, registry: Registry, capacity: int, processes: int) -> None:
        self._registry = registry
        self.loop = EventLoop()
        self._threads = ThreadPool(processes or capacity, "treadle-handler")
        self._processes = ProcessPool(registry, processes) if processes else None

    def start(self) -> None:
        """Before the first job."""
        self.loop.start()
        if self._processes:
            self._processes.start()

    def close(self) -> None:
        """Ends what waits for jobs; what runs is left to itself, save for processes."""
        self._threads.close()
        if self._processes:
            self._processes.close()
        self.loop.close()

    def begin(self, job: Job) -> None:
        """Runs the job, now or as soon as there is room."""
        name = job.assignment.handler
        handler = self._registry.find(name)
        if handler is None:
            job.end(self._registry.unknown(name))
        elif self._registry.is_async(name):
            self.loop.call(lambda: run_on_loop(self.loop, job, handler))
        else:
            self._threads.submit(lambda: self._on_thread(job, handler))

    def _on_thread(self, job: Job, handler: AnyHandler) -> None:
        try:
            outcome = self._processes.run(job) if self._processes else run_on_thread(job, handler)
        except BaseException as raised:
            job.end_broken(raised)
        else:
            job.end(outcome)
