"""For development: the worker runs in a process of its own, which is started again when a source file changes."""

from __future__ import annotations

import importlib.util
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

log = logging.getLogger("treadle.worker")

#: Seconds between two looks at the files, and for the old process to end.
LOOK_SECONDS = 0.5
END_SECONDS = 10.0


def run_and_reload(command: list[str], modules: Iterable[str]) -> int:
    """Until it is interrupted; answers with the exit status."""
    folders = [folder for name in modules for folder in _folders_of(name)]
    signal.signal(signal.SIGTERM, _interrupt)
    while True:
        process = subprocess.Popen(command)
        try:
            changed = _wait_for_change(process, folders)
        except KeyboardInterrupt:
            _end(process)
            return 0
        log.info("%s has changed: starting again", changed)
        _end(process)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _wait_for_change(process: subprocess.Popen[bytes], folders: list[Path]) -> Path:
    """Also after the process has ended by itself, as with an error in a file that is being written."""
    before = dict(_stamps(folders))
    said = False
    while True:
        time.sleep(LOOK_SECONDS)
        now = dict(_stamps(folders))
        for file in now.keys() | before.keys():
            if now.get(file) != before.get(file):
                return file
        if not said and process.poll() is not None:
            said = True
            log.warning("the worker has ended (status %s): waiting for a change", process.returncode)


def _stamps(folders: list[Path]) -> Iterator[tuple[Path, int]]:
    for folder in folders:
        for file in folder.rglob("*.py") if folder.is_dir() else [folder]:
            try:
                yield file, file.stat().st_mtime_ns
            except OSError:
                continue  # removed while we looked


def _folders_of(name: str) -> list[Path]:
    """All of the package that a module belongs to, as handlers use what lies beside them."""
    package = name.partition(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return [Path(each) for each in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin else []


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def worker_command(arguments: list[str]) -> list[str]:
    """The same worker without --reload."""
    rest = [each for each in arguments if each != "--reload"]
    return [sys.executable, "-m", "treadle.worker", *rest]
