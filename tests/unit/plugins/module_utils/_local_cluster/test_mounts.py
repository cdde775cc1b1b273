# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mounts are the cluster's and which have to be shared, on a recorded table."""

from __future__ import annotations

from ansible_collections.mirage.accel.plugins.module_utils._local_cluster.mounts import (
    Mount,
    mounts_below,
    mounts_to_share,
    parse_mounts,
)

TABLE = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:5 / /dev rw,relatime shared:2 - devtmpfs devtmpfs rw
40 27 254:1 / /var/lib rw,relatime shared:7 - ext4 /dev/vdb rw
50 40 0:40 / /var/lib/kubelet/pods/a/volumes/secret rw shared:8 - tmpfs tmpfs rw
51 40 0:41 / /var/lib/kubelet-of-others rw - tmpfs tmpfs rw
52 27 0:42 / /run/mirage-accel/with\\040space rw - overlay overlay rw
53 52 0:43 / /run/mirage-accel/with\\040space/deeper rw - proc proc rw
"""


def test_parse() -> None:
    mounts = parse_mounts(TABLE)
    assert len(mounts) == 7
    assert mounts[0] == Mount("/", shared=False)
    assert mounts[1] == Mount("/dev", shared=True)
    assert mounts[5] == Mount("/run/mirage-accel/with space", shared=False)


def test_below_takes_the_last_made_first_and_no_neighbour() -> None:
    assert mounts_below(parse_mounts(TABLE), ["/run/mirage-accel", "/var/lib/kubelet"]) == [
        "/run/mirage-accel/with space/deeper",
        "/run/mirage-accel/with space",
        "/var/lib/kubelet/pods/a/volumes/secret",
    ]


def test_only_private_mounts_under_the_folders_are_shared() -> None:
    mounts = parse_mounts(TABLE)
    assert mounts_to_share(mounts, ["/var/lib/kubelet", "/run", "/srv/state"]) == ["/"]
    assert mounts_to_share(mounts, ["/var/lib/kubelet"]) == []
