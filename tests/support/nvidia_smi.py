# SPDX-License-Identifier: GPL-3.0-or-later
"""Our nvidia-smi beside the vendor's: how what both print is compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

# Functions of the internal table that the public interface has no twin of: voltage, the host's PCI Express generation,
# part numbers of GPU and FRU, deferred memory clock, sparse operation mode. Here they answer "not supported".
NO_TWIN = "slot209 : !3\nslot23[0127] : !3\nslot249 : !3\n"


def without_time(text: str) -> str:
    """The text without the second in which it was made."""
    day = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"
    text = re.sub(rf"^{day} {{7}}$", "TIME", text, count=1, flags=re.MULTILINE)
    return re.sub(rf"(^Timestamp +: |<timestamp>){day}", r"\1TIME", text, count=1, flags=re.MULTILINE)


@dataclass(frozen=True)
class Programs:
    """Both programs, on one library."""

    run: Callable
    ours: Path
    theirs: Path

    def same(self, argv: list[str], env: dict[str, str]) -> str:
        """Assert that both print the same and end alike. A value that moves between two runs gets more of them."""
        for _ in range(5):
            before = self.run(self.theirs, *argv, env=env)
            got = self.run(self.ours, *argv, env=env)
            after = self.run(self.theirs, *argv, env=env)
            if without_time(before.stdout) == without_time(after.stdout):
                break
        else:
            pytest.fail(f"{argv}: the vendor's own output changes with every run")
        self.equal(argv, got, before)
        return got.stdout

    def equal(self, argv: list[str], got, vendor) -> None:
        # The vendor's messages say "Please run"; that is all in which ours differ.
        expected = without_time(vendor.stdout).replace("Please run", "Run")
        # In pieces, so that a difference is shown by itself.
        differences = [
            (i, ours_says, vendor_says)
            for i, (ours_says, vendor_says) in enumerate(
                zip(re.split(r"(, |\n)", without_time(got.stdout)), re.split(r"(, |\n)", expected), strict=False)
            )
            if ours_says != vendor_says
        ]
        assert differences == [], argv
        assert without_time(got.stdout) == expected
        assert got.returncode == vendor.returncode
