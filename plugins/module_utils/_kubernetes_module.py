# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module that asks an API server ends: with its answer, with differences, or with one message about a failure."""

from __future__ import annotations

import contextlib
import gc
import re
import typing as t

from ansible_collections.mirage.accel.plugins.module_utils._difference import Difference, summary
from ansible_collections.mirage.accel.plugins.module_utils._dra.expectation import ExpectationError
from ansible_collections.mirage.accel.plugins.module_utils._dra.resource_slice import FormError
from ansible_collections.mirage.accel.plugins.module_utils._errors import ApiError, MirageError
from ansible_collections.mirage.accel.plugins.module_utils._kubernetes_args import reveal_kubeconfig_path

Json = dict[str, t.Any]


# So many new objects that refer to others, and Python looks for rings of them that nobody needs any more (else 700).
COLLECT_AFTER = 1_000_000
# Names of objects: a DNS subdomain (RFC 1123).
_NAME = re.compile("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Finding(t.NamedTuple):
    """A module's answer, and in words what is wrong (empty: nothing)."""

    answer: Json
    wrong: str = ""


def conclude(module: t.Any, work: t.Callable[[Json], Finding]) -> t.NoReturn:
    """Do the module's work and end it."""
    reveal_kubeconfig_path(module)
    with _patient_collector():
        try:
            _check_options(module.params)
            answer, wrong = work(module.params)
        except ExpectationError as error:
            module.fail_json(msg=f"Error while reading the options: {error}")
        except (MirageError, FormError) as error:
            module.fail_json(msg=str(error))
        if wrong:
            module.fail_json(msg=wrong, **answer)
        module.exit_json(changed=False, **answer)


def _check_options(params: Json) -> None:
    """What no module can mean by options that several have; names become part of a path, so none may be one itself."""
    for name in ("wait_timeout", "stable_for", "count", "gpu_count"):
        if isinstance(params.get(name), int) and params[name] < 0:
            raise ExpectationError(f"{name}: expected a number from 0, found {params[name]}")
    for name in ("name", "namespace"):
        if isinstance(params.get(name), str) and not _NAME.fullmatch(params[name]):
            raise ExpectationError(
                f"{name}: expected lower-case letters, digits, - and ., as Kubernetes has them in names,"
                f" found {params[name]!r}"
            )


@contextlib.contextmanager
def _patient_collector() -> t.Iterator[None]:
    """What a cluster is made of is kept to the end: to look through it again and again takes longer than the work."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def sentence(what: str, differences: t.Sequence[Difference], after: float | None, lost: ApiError | None) -> str:
    """What is wrong in words; `after` are the seconds waited, `lost` is why nothing newer was seen."""
    waited = "" if after is None else f" after {after} s"
    last_seen = f" (last seen; {lost})" if lost else ""
    return f"Error while verifying {what}: {summary(differences)}{waited}{last_seen}"


def unsteady(what: str, seconds: float, lost: ApiError | None) -> str:
    """All is as expected at last, and yet was not for long enough."""
    why = f"last seen; {lost}" if lost else "it changed meanwhile"
    return f"Error while verifying {what}: as expected now, but not for {seconds} s without a break ({why})"
