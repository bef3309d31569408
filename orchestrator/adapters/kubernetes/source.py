"""Where the API server is and who asks: a kubeconfig and one of its contexts, or the service account of the pod.

The client library reads the files; nothing else of it is imported anywhere but here and in `connection`.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException
from urllib3.util.ssl_ import create_urllib3_context

from orchestrator.errors import Unusable

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Source:
    """What a person asked for; None leaves it to the kubeconfig, or to the pod."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None

    def api(self) -> client.ApiClient:
        """Return a client with host and credentials as the files say them now. Raises Unusable where they say nothing
        usable.

        Certificates and keys are taken in here. The library would have them in files of their own for as long as the
        process lives, and one that is killed would leave them behind.
        """
        with tempfile.TemporaryDirectory(prefix="interlock-kube-") as folder:
            api = client.ApiClient(self._configuration(folder))
            wanted = api.rest_client.pool_manager.connection_pool_kw
            context = create_urllib3_context(cert_reqs=wanted["cert_reqs"])
            authority, certificate, key = (wanted.pop(each, None) for each in ("ca_certs", "cert_file", "key_file"))
            data = wanted.pop("ca_cert_data", None)
            try:
                if authority or data:
                    context.load_verify_locations(authority, cadata=data)
                else:
                    context.load_default_certs()
                if certificate:
                    context.load_cert_chain(certificate, key)
            except (OSError, ssl.SSLError) as error:
                raise self._unusable(error) from error
            wanted["ssl_context"] = context
        return api

    def _configuration(self, folder: str) -> client.Configuration:
        found = client.Configuration()
        # A request that got no answer may have been carried out: whoever made it decides what that means.
        found.retries = False
        found.connection_pool_maxsize = 64
        try:
            if self._is_in_pod():
                config.load_incluster_config(client_configuration=found)
            else:
                config.load_kube_config(
                    self._file(), context=self.context, client_configuration=found, temp_file_path=folder
                )
        except _UNREADABLE as error:
            raise self._unusable(error) from error
        return found

    def chosen_namespace(self) -> str:
        """Return the namespace that was asked for, else the context's or the pod's own, else `default`."""
        if self.namespace:
            return self.namespace
        if self._is_in_pod():
            return POD_NAMESPACE.read_text().strip() if POD_NAMESPACE.is_file() else "default"
        try:
            contexts, current = config.list_kube_config_contexts(self._file())
        except _UNREADABLE as error:
            raise self._unusable(error) from error
        wanted = self.context or current["name"]
        named = [each["context"] for each in contexts if each["name"] == wanted]
        return str(named[0].get("namespace") or "default") if named else "default"

    def _unusable(self, error: Exception) -> Unusable:
        why = " ".join(str(error).split())
        return Unusable(f"the cluster cannot be reached: {self._named()}: {why}; {_REMEDY}")

    def _is_in_pod(self) -> bool:
        """Return whether the pod's own account is meant: there is one, and nobody named a kubeconfig."""
        named = self.kubeconfig or self.context or os.environ.get("KUBECONFIG")
        return "KUBERNETES_SERVICE_HOST" in os.environ and not named

    def _file(self) -> str | None:
        return str(self.kubeconfig) if self.kubeconfig is not None else None

    def _named(self) -> str:
        if self._is_in_pod():
            return "the pod's service account"
        files = self._file() or os.environ.get("KUBECONFIG") or "~/.kube/config"
        return f"{files}, context {self.context}" if self.context else files


_UNREADABLE = (ConfigException, OSError, KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError)
"""What reading a kubeconfig raises when it is not one."""
_REMEDY = "name a kubeconfig with KUBECONFIG and one of its contexts with --context"
