# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kubelet and the driver say to each other: .proto files and the stubs that `make stubs` writes from them."""
