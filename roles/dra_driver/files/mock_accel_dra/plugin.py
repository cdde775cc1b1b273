# SPDX-License-Identifier: GPL-3.0-or-later
"""The DRA service of the kubelet, in each version that it speaks: translates, and keeps claims from each other."""

from __future__ import annotations

import time
import traceback
import types
import typing as t

from . import cdi, device_metadata, log
from .api import dra_v1_pb2, dra_v1beta1_pb2
from .errors import DriverError
from .metrics import Metric
from .prepared import ClaimRef, PreparedClaim
from .state import State

T = t.TypeVar("T")

CLAIMS = Metric(
    "counter", "claims_total", "Claims that the kubelet has asked for, by what it wanted and what came of it"
)
SECONDS = Metric("counter", "claim_seconds_total", "Time that these took altogether")
METRICS = (CLAIMS, SECONDS)
for _doing in ("preparing", "releasing"):
    for _result in ("done", "failed"):
        CLAIMS.add(0, doing=_doing, result=_result)


class DraService:
    """`messages` is the module with one version's stubs; server.py serves the methods by their names."""

    def __init__(self, state: State, messages: types.ModuleType, driver_name: str) -> None:
        self._state = state
        self._driver_name = driver_name
        self._messages = messages
        self.descriptor = messages.DESCRIPTOR.services_by_name["DRAPlugin"]
        self._has_share_id = "share_id" in messages.Device.DESCRIPTOR.fields_by_name

    def NodePrepareResources(self, request: t.Any, context: t.Any) -> t.Any:
        answer = self._messages.NodePrepareResourcesResponse()
        for ref in _refs(request):
            prepared, error = _attempt("preparing", ref, self._state.prepare)
            entry = answer.claims[ref.uid]
            if prepared is None:
                entry.error = error
            else:
                entry.devices.extend(self._devices(prepared))
        return answer

    def NodeUnprepareResources(self, request: t.Any, context: t.Any) -> t.Any:
        answer = self._messages.NodeUnprepareResourcesResponse()
        for ref in _refs(request):
            _, error = _attempt("releasing", ref, self._state.unprepare)
            # Naming the entry makes it, also where there is nothing to say.
            answer.claims[ref.uid].error = error
        return answer

    def _devices(self, prepared: PreparedClaim) -> t.Iterator[t.Any]:
        # The runtime applies the devices in this order, and the last one that sets a variable wins. The plain names
        # are to carry the first device of those that a container gets, so the first comes last.
        told = device_metadata.requests(prepared)
        for device in reversed(prepared.devices):
            names = [cdi.qualified(device)]
            # A request's file once, however many devices it has.
            if told.pop(device.requests[0], None):
                names.append(device_metadata.qualified(prepared, device.requests[0], self._driver_name))
            fields = {
                "request_names": device.requests,
                "pool_name": device.pool,
                "device_name": device.device_name,
                "cdi_device_ids": names,
            }
            if self._has_share_id and device.share_id:
                fields["share_id"] = device.share_id
            yield self._messages.Device(**fields)


def services(state: State, driver_name: str) -> list[DraService]:
    return [DraService(state, messages, driver_name) for messages in (dra_v1_pb2, dra_v1beta1_pb2)]


def _refs(request: t.Any) -> list[ClaimRef]:
    return [ClaimRef(claim.namespace, claim.name, claim.uid) for claim in request.claims]


def _attempt(doing: str, ref: ClaimRef, action: t.Callable[[ClaimRef], T]) -> tuple[T | None, str]:
    """The action's result, and what the kubelet shows as an event of the pod where there is none."""
    started = time.monotonic()
    result, reason = _result_of(ref, action)
    SECONDS.add(time.monotonic() - started, doing=doing)
    CLAIMS.add(doing=doing, result="failed" if reason else "done")
    if not reason:
        return result, ""
    log.warning(f"Error while {doing} the claim", claim=ref, uid=ref.uid, reason=reason)
    return None, f"Error while {doing} the claim {ref}: {reason}"


def _result_of(ref: ClaimRef, action: t.Callable[[ClaimRef], T]) -> tuple[T | None, str]:
    try:
        return action(ref), ""
    except DriverError as error:
        return None, str(error)
    except Exception as error:
        # A fault of ours with one claim must not be one of all.
        log.error("A fault of the driver", claim=ref, uid=ref.uid, trace=traceback.format_exc())
        return None, f"a fault of the driver ({type(error).__name__}: {error}); its log has more"
