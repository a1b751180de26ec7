"""How far the run is: one line that changes on a terminal, a line now and then in a log."""

from __future__ import annotations

import shutil
import sys
from typing import Any

from tqdm import tqdm

LINES = 4
"""Lines for a whole run where the output is no terminal."""
MAX_COLUMNS = 110


class Progress:
    """Shows how many frames are through; a context manager."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._shown = total, 0, 0
        self._bar: tqdm[Any] | None = None
        if sys.stdout.isatty():
            size = shutil.get_terminal_size()  # Where a terminal says that it has no columns, this says 80.
            columns = min(size.columns, MAX_COLUMNS)
            self._bar = tqdm(
                total=total,
                bar_format="Tracking |{bar}| {n_fmt} of {total_fmt} frames{postfix}",
                leave=False,
                file=sys.stdout,
                ncols=columns,
                nrows=size.lines,
            )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, text: str) -> None:
        """Show that ``done`` frames are through, and a text about the last of them."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(done - self._done)
        elif done * LINES // self._total > self._shown:
            self._shown = done * LINES // self._total
            print(f"  {done} of {self._total} frames: {text}", flush=True)
        self._done = done
