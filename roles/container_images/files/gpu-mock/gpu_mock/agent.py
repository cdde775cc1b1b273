# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's pod does: bring the node to the release's plan, stay, and clean up when the release goes."""

from __future__ import annotations

import signal
import time
import typing as t

from . import control, kube, label, log, node_files, owner, real_driver
from .errors import GpuMockError, RefusedError
from .settings import Settings
from .status import Status

# Also how often the files are looked at again.
WATCH_S = 60
RETRY_S = 5


class Stopped(Exception):
    """The kubelet wants the pod to end."""


class Agent:
    """One node's pod."""

    def __init__(self, settings: Settings, api: kube.Api, status: Status) -> None:
        self._settings = settings
        self._api = api
        self._status = status
        self._stopping = False
        self._waiting = False
        self._written: owner.Owner | None = None

    def run(self) -> int:
        """Stay until the pod is stopped (0) or the release is removed (0, or 1 where that failed)."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        while not self._stopping:
            try:
                order = self._read_order()
                if order:
                    return self._obey(order)
                self._bring_up()
                self._wait(self._watch)
            except RefusedError as error:
                self._status.not_ready(str(error))
                self._withdraw_quietly()
                self._wait(self._watch)
            except GpuMockError as error:
                self._status.not_ready(str(error))
                self._wait(lambda: time.sleep(RETRY_S))
            except OSError as error:
                self._status.not_ready(f"Error while placing files on node {self._settings.node_name}: {error}")
                self._wait(lambda: time.sleep(RETRY_S))
        self._leave_if_unselected()
        return 0

    def _bring_up(self) -> None:
        settings = self._settings
        found = real_driver.evidence(settings.proc)
        if found:
            raise RefusedError(
                f"node {settings.node_name} has a real NVIDIA driver ({found}): "
                "keep this release off it with nodeSelector, or unload the driver"
            )
        record = owner.read(settings.driver_root)
        if self._is_superseded(record):
            log.line("A newer pod of this release has taken over this node; waiting for the end")
            return
        if record is not None and record.owner.startswith("mirage.accel/"):
            node_files.agree(settings, record)
            whose = f"files by {record.owner}"
        else:
            node_files.refuse_foreign(settings, record)
            changed = node_files.ensure(settings, record)
            if changed:
                log.line(f"Placed on node {settings.node_name}: {', '.join(changed)}")
            whose = f"files in {settings.driver_root}"
            self._written = owner.read(settings.driver_root)
        label.put(self._api, settings.node_name, settings.owner)
        self._status.ready(
            f"node {settings.node_name} has {settings.count} GPUs of profile {settings.profile}, "
            f"driver {settings.driver_version}, {whose}"
        )

    def _is_superseded(self, record: owner.Owner | None) -> bool:
        """During an upgrade the node has two pods of the release; the older must not undo the newer one's work."""
        return self._written is not None and record is not None and record != self._written

    def clean_up(self) -> str:
        """Take off the label, then what this release placed; says what that was."""
        settings = self._settings
        label.withdraw(self._api, settings.node_name, settings.owner)
        record = owner.read(settings.driver_root)
        if record is None:
            return f"node {settings.node_name} has no files of this release"
        if record.owner != settings.owner:
            return f"the files on node {settings.node_name} belong to {record.owner} and stay"
        removed = node_files.remove(settings, record)
        return f"{len(removed)} files on node {settings.node_name}"

    def _obey(self, order: str) -> int:
        self._status.not_ready(f"the release is being removed ({order})")
        try:
            summary = self.clean_up()
        except (GpuMockError, OSError) as error:
            message = control.failed_message(order, f"node {self._settings.node_name}: {error}")
        else:
            message = control.done_message(order, summary)
        log.line(message)
        self._settings.termination_log.write_text(message)
        return int(message.startswith(control.failed_message(order, "")))

    def _read_order(self) -> str:
        return control.order(self._api.get(self._control_path))

    @property
    def _control_path(self) -> str:
        return control.path_of(self._settings.namespace, self._settings.fullname)

    def _watch(self) -> None:
        """Return when removal is ordered or the time is over."""
        settings = self._settings
        path, _, name = self._control_path.rpartition("/")
        for event in self._api.watch(path, WATCH_S, fieldSelector=f"metadata.name={name}"):
            if event["type"] == "ERROR":
                raise GpuMockError(f"Error while watching ConfigMap {settings.fullname}: {event['object']}")
            if event["type"] != "DELETED" and control.order(event["object"]):
                return

    def _withdraw_quietly(self) -> None:
        """A node that is refused must not be offered; why it is refused is the news, not this."""
        try:
            label.withdraw(self._api, self._settings.node_name, self._settings.owner)
        except GpuMockError as error:
            log.line(str(error))

    def _leave_if_unselected(self) -> None:
        """A pod that ends because the release no longer selects its node is the last chance to clean that node."""
        settings = self._settings
        try:
            path = f"/apis/apps/v1/namespaces/{settings.namespace}/daemonsets/{settings.fullname}"
            selector = self._api.get(path)["spec"]["template"]["spec"].get("nodeSelector") or {}
            labels = self._api.get(f"/api/v1/nodes/{settings.node_name}")["metadata"].get("labels") or {}
            if any(labels.get(key) != value for key, value in selector.items()):
                log.line(f"Node {settings.node_name} is no longer selected; removed: {self.clean_up()}")
            else:
                log.line(f"Stopped; what is placed on node {settings.node_name} stays for the next pod")
        except (GpuMockError, OSError) as error:
            log.line(f"Stopped; what is placed on node {settings.node_name} stays: {error}")

    def _wait(self, how: t.Callable[[], None]) -> None:
        """Wait in a way that a signal can cut short."""
        self._waiting = True
        try:
            if not self._stopping:
                self._pause(how)
        except Stopped:
            pass
        finally:
            self._waiting = False

    @staticmethod
    def _pause(how: t.Callable[[], None]) -> None:
        try:
            how()
        except GpuMockError as error:
            log.line(str(error))
            time.sleep(RETRY_S)

    def _on_signal(self, number: int, frame: object) -> None:
        # Placing goes on to its end; waiting does not.
        cut_short = self._waiting and not self._stopping
        self._stopping = True
        if cut_short:
            raise Stopped
