# Copyright (c) 2026, mirage.accel contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection options in words; module_utils/_kubernetes_args.py says the same as data, and a test compares the two."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig file on the host that runs the module, or its content as a dictionary. Several files are
        separated by colons.
      - Without it and without O(context), the service account of the pod is used, else the files that the environment
        variable E(KUBECONFIG) names, else C(~/.kube/config). None of them is needed where O(host) and credentials are
        given.
      - The environment variable E(K8S_AUTH_KUBECONFIG) serves where the option is not given.
    type: raw
  context:
    description:
      - Name of the context in the kubeconfig to use. Without it, the kubeconfig's current one.
      - The environment variable E(K8S_AUTH_CONTEXT) serves where the option is not given.
    type: str
  host:
    description:
      - URL of the API server, for example V(https://192.0.2.1:6443). It wins over the kubeconfig's.
      - The environment variable E(K8S_AUTH_HOST) serves where the option is not given.
    type: str
  api_key:
    description:
      - Bearer token. It wins over the kubeconfig's.
      - The environment variable E(K8S_AUTH_API_KEY) serves where the option is not given.
    type: str
  username:
    description:
      - Name for HTTP Basic authentication, where a proxy before the API server asks for it.
      - The environment variable E(K8S_AUTH_USERNAME) serves where the option is not given.
    type: str
  password:
    description:
      - Password that goes with O(username).
      - The environment variable E(K8S_AUTH_PASSWORD) serves where the option is not given.
    type: str
  validate_certs:
    description:
      - Whether the API server's certificate is verified. Without it, as the kubeconfig says, which mostly means that it
        is.
      - The environment variables E(K8S_AUTH_VALIDATE_CERTS) and E(K8S_AUTH_VERIFY_SSL) serve where the option is not
        given.
    type: bool
    aliases: [verify_ssl]
  ca_cert:
    description:
      - Path of the certificates of the authorities that may have signed the API server's, in PEM form.
      - The environment variables E(K8S_AUTH_CA_CERT) and E(K8S_AUTH_SSL_CA_CERT) serve where the option is not given.
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description:
      - Path of a client certificate in PEM form.
      - The environment variables E(K8S_AUTH_CLIENT_CERT) and E(K8S_AUTH_CERT_FILE) serve where the option is not given.
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - Path of the private key that goes with O(client_cert).
      - The environment variables E(K8S_AUTH_CLIENT_KEY) and E(K8S_AUTH_KEY_FILE) serve where the option is not given.
    type: path
    aliases: [key_file]
  proxy:
    description:
      - URL of an HTTP proxy.
      - The environment variable E(K8S_AUTH_PROXY) serves where the option is not given.
    type: str
  no_proxy:
    description:
      - Hosts, domains and networks that are reached without O(proxy), separated by commas.
      - The environment variable E(K8S_AUTH_NO_PROXY) serves where the option is not given.
    type: str
  proxy_headers:
    description: Headers for the proxy.
    type: dict
    suboptions:
      basic_auth:
        description:
          - Name and password for HTTP Basic authentication, separated by a colon.
          - The environment variable E(K8S_AUTH_PROXY_HEADERS_BASIC_AUTH) serves where the option is not given.
        type: str
      proxy_basic_auth:
        description:
          - Name and password for the proxy's own Basic authentication, separated by a colon.
          - The environment variable E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH) serves where the option is not given.
        type: str
      user_agent:
        description:
          - Name of the client that the proxy is told.
          - The environment variable E(K8S_AUTH_PROXY_HEADERS_USER_AGENT) serves where the option is not given.
        type: str
  persist_config:
    description:
      - Whether a token that was renewed on the way is written back to the kubeconfig. Without it, it is not.
      - The environment variable E(K8S_AUTH_PERSIST_CONFIG) serves where the option is not given.
    type: bool
  impersonate_user:
    description:
      - Name of the user to act as.
      - The environment variable E(K8S_AUTH_IMPERSONATE_USER) serves where the option is not given.
    type: str
  impersonate_groups:
    description:
      - Groups to act as a member of.
      - The environment variable E(K8S_AUTH_IMPERSONATE_GROUPS) serves where the option is not given, with commas
        between the groups.
    type: list
    elements: str
requirements:
  - kubernetes >= 24.2.0 (Python library)
"""
