# SPDX-License-Identifier: GPL-3.0-or-later
"""A DRA driver for the devices of mock_accel: one command publishes a node's devices, the other hands them to pods.

It knows the devices by sysfs and the cluster by its API, and shares no code with whatever verifies it. Imports point
one way: `__main__ -> server, controller -> plugin, registration, health, binding, publisher -> state -> cdi,
checkpoint, kube, claim_status, device_metadata, devices, resource_slice -> claim_api, slices -> allocation,
claim_bytes, conditions, sharing -> device_status -> opaque, prepared, inventory, access, files -> backoff, config,
grpc_server, metrics, points, quantity, removals -> errors, log, api`.
"""
