# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the kernel's caches grow with the work that is done: a pure function of what was counted in between."""

from __future__ import annotations

Counts = dict[str, int]


def growing(samples: list[Counts], work: int) -> dict[str, list[int]]:
    """The caches that have grown each time by about one object for each unit of work, with all their counts.

    Between two samples `work` units were done. Caches also grow and shrink by themselves, some by hundreds of objects,
    but one that does so does not rise steadily; half is enough because a few objects more or less are nobody's leak.
    """
    found = {}
    for name in set.intersection(*(set(sample) for sample in samples)):
        counts = [sample[name] for sample in samples]
        if all(after - before >= work / 2 for before, after in zip(counts, counts[1:], strict=False)):
            found[name] = counts
    return found
