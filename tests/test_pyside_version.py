"""A wheel of PySide6 that loses references to None kills the process after ten thousand calls or so: keep it out."""

import subprocess
import sys

VOID_CALLS = """
from PySide6.QtWidgets import QApplication, QLabel
application = QApplication([])
label = QLabel()
for call in range(20_000):
    label.setText("x")
print("survived", call + 1)
"""


def test_twenty_thousand_calls_that_return_nothing_leave_the_process_alive() -> None:
    result = subprocess.run([sys.executable, "-c", VOID_CALLS], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, "survived 20000\n"), result.stderr
