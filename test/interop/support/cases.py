"""A list of checks against a live gateway, each with a line of its own, and counts at the end."""

import contextlib
import os
import sys
import time
import traceback


class Cases:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    @contextlib.contextmanager
    def case(self, name):
        """Prints `ok` or `FAIL` with the reason; a failure does not stop the next case."""
        begin = time.monotonic()
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the finding
            self.failed += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = str(error).strip() or type(error).__name__
            indented = reason.replace("\n", "\n      ")
            print(f"FAIL  {name}: {indented} ({where.filename.rsplit('/', 1)[-1]}:{where.lineno})")
        else:
            self.passed += 1
            print(f"ok    {name} ({time.monotonic() - begin:.1f} s)")
        sys.stdout.flush()

    def skip(self, name, reason):
        self.skipped += 1
        print(f"skip  {name}: {reason}", flush=True)

    def lack(self, name, reason):
        """A component is not here: a failure where everything must be (CI), else skipped."""
        if os.environ.get("CI"):
            self.failed += 1
            print(f"FAIL  {name}: {reason}", flush=True)
        else:
            self.skip(name, reason)

    def finish(self):
        """Prints the counts and ends the process with the status that they deserve."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}", flush=True)
        sys.exit(0 if self.failed == 0 and self.passed > 0 else 1)


def equal(got, expected, what="value"):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"expected a text with {part!r}, got {text!r}")
