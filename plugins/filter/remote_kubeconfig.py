# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter for the kubeconfig of a cluster that is embedded on another host."""

from __future__ import annotations

import re
import typing as t

LOOPBACK = re.compile(r"^( *)server: https://(?:127[.]0[.]0[.]1|localhost):([0-9]+)$", re.MULTILINE)


def remote_kubeconfig(text: str, address: str) -> str:
    """The kubeconfig for whoever reaches the host by `address`; servers elsewhere than on its loopback stay."""
    # The certificate names localhost, whatever address leads there.
    return LOOPBACK.sub(
        lambda found: f"{found[1]}server: https://{address}:{found[2]}\n{found[1]}tls-server-name: localhost", text
    )


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"remote_kubeconfig": remote_kubeconfig}
