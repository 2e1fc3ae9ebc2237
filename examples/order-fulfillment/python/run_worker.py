"""`treadle-worker` for the demo: it also ends when its standard input ends. The demo holds the other end, so that no worker
outlives it, however it dies."""

import os
import signal
import sys
import threading

from treadle.worker.cli import main


def end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_input, daemon=True).start()
sys.exit(main())
