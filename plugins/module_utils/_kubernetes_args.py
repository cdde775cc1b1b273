# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection options as data, with the names, aliases and environment variables of kubernetes.core's modules.

The doc fragment `kubernetes_auth` says the same in words; a unit test keeps the three in step.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import env_fallback


def _option(kind: str, *variables: str, **more: t.Any) -> dict[str, t.Any]:
    """One option that falls back on environment variables, the first that is set."""
    names = [f"K8S_AUTH_{name}" for name in variables]
    return {"type": kind, "fallback": (env_fallback, names), **more}


PROXY_HEADERS: dict[str, t.Any] = {
    "basic_auth": _option("str", "PROXY_HEADERS_BASIC_AUTH", no_log=True),
    "proxy_basic_auth": _option("str", "PROXY_HEADERS_PROXY_BASIC_AUTH", no_log=True),
    "user_agent": _option("str", "PROXY_HEADERS_USER_AGENT"),
}

AUTH_ARGS: dict[str, t.Any] = {
    "kubeconfig": _option("raw", "KUBECONFIG", no_log=True),
    "context": _option("str", "CONTEXT"),
    "host": _option("str", "HOST"),
    "api_key": _option("str", "API_KEY", no_log=True),
    "username": _option("str", "USERNAME"),
    "password": _option("str", "PASSWORD", no_log=True),
    "validate_certs": _option("bool", "VALIDATE_CERTS", "VERIFY_SSL", aliases=["verify_ssl"]),
    "ca_cert": _option("path", "CA_CERT", "SSL_CA_CERT", aliases=["ssl_ca_cert"]),
    "client_cert": _option("path", "CLIENT_CERT", "CERT_FILE", aliases=["cert_file"]),
    "client_key": _option("path", "CLIENT_KEY", "KEY_FILE", aliases=["key_file"], no_log=False),
    "proxy": _option("str", "PROXY"),
    "no_proxy": _option("str", "NO_PROXY"),
    "proxy_headers": {"type": "dict", "options": PROXY_HEADERS, "apply_defaults": True},
    "persist_config": _option("bool", "PERSIST_CONFIG"),
    "impersonate_user": _option("str", "IMPERSONATE_USER"),
    "impersonate_groups": _option("list", "IMPERSONATE_GROUPS", elements="str"),
}

WAIT_ARGS: dict[str, t.Any] = {
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 120},
}


def argument_spec(*parts: dict[str, t.Any]) -> dict[str, t.Any]:
    """The connection options with a module's own; a name given twice is a mistake of the module."""
    merged = dict(AUTH_ARGS)
    for part in parts:
        twice = sorted(set(merged) & set(part))
        if twice:
            raise ValueError(f"options given twice: {', '.join(twice)}")
        merged.update(part)
    return merged


def reveal_kubeconfig_path(module: t.Any) -> None:
    """A kubeconfig given as a dictionary is secret, the path of one is not: error messages may name it."""
    kubeconfig = module.params["kubeconfig"]
    if isinstance(kubeconfig, str):
        module.no_log_values.discard(kubeconfig)
