# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pods of the chart gpu-mock run: mock GPUs on the pod's node, and their removal.

Standard library only, so that the image needs nothing but Python. Whatever is placed is written to owner.json before it
is placed, and only what stands there is ever removed.
"""
