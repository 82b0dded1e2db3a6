"""The window's life: cold start, memory, and how long its event loop waits while a small network trains at full speed.

    python -m tests.benchmarks.window_life

Each figure is measured in a process of its own; ratios compare two runs of the same call.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from tests.benchmarks.window_rig import own_settings

START = """
import time
from visualbp.gui.app import make_application, create_window
app = make_application()
window = create_window({path!r})
window.show()
window.debugger.settle()
app.processEvents()
print("usable")
import psutil, os
print(psutil.Process(os.getpid()).memory_info().rss / 2**20)
window.close()
"""

DELAY = """
import statistics, time
from PySide6.QtCore import QTimer, QEventLoop
from visualbp.gui.app import make_application, create_window
from visualbp.debugger.commands import Train, Pause
app = make_application()
window = create_window("xor")
window.show()
window.debugger.settle()
def delays(seconds):
    found, due = [], [time.perf_counter() + 0.002]
    timer = QTimer()
    timer.setInterval(2)
    from PySide6.QtCore import Qt
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    def tick():
        now = time.perf_counter()
        found.append(max(0.0, now - due[0]))
        due[0] = now + 0.002
    timer.timeout.connect(tick)
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    timer.start()
    loop.exec()
    timer.stop()
    return sorted(found)
def show(name, found):
    print(f"{name:10} p50 {1e3 * found[len(found) // 2]:6.2f} ms   p99 {1e3 * found[int(len(found) * 0.99)]:6.2f} ms"
          f"   worst {1e3 * found[-1]:6.2f} ms   {len(found)} ticks")
    return found[int(len(found) * 0.99)]
idle = show("idle", delays(3))
window.debugger.send(Train())
before = time.perf_counter()
busy = show("training", delays(6))
iterations = window.debugger.snapshot.iteration
spent = time.perf_counter() - before
window.debugger.send(Pause())
window.debugger.settle()
print(f"training runs {iterations / spent:,.0f} iterations a second beside the window")
print(f"ratio of the 99th percentiles, training : idle = {busy / max(idle, 1e-6):.1f}")
window.document.set_trained(False)
window.close()
"""


def run(code: str) -> tuple[str, float]:
    """Run `code` in a process of its own; return what it printed and the seconds until it printed `usable`."""
    with own_settings() as environment:  # a first start: nobody's layout of panels, and none left behind
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = time.perf_counter() - started
        rest = process.stdout.read()
        process.wait()
    return first + rest, seconds


def main() -> None:
    for name, path in (("start page", None), ("xor open", "xor")):
        runs = [run(START.format(path=path)) for _ in range(6)][1:]
        seconds = statistics.median(spent for _, spent in runs)
        memory = statistics.median(float(text.split()[-1]) for text, _ in runs)
        print(f"{name:10} {seconds:5.2f} s from command to usable window (limit 1.2)   {memory:4.0f} MB (limit 220)")
    print("event-loop delay (limit: 10 ms at the 99th percentile while training)")
    print(run(DELAY)[0], end="")


if __name__ == "__main__":
    main()
