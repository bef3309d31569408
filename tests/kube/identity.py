"""Who is who in a control plane under test: one authority, certificates it signs, and kubeconfigs that carry them.

Real ones throughout: nothing skips a check, no token stands in a file. A user is a client certificate whose common name
is the user and whose organisation is the group, as Kubernetes reads them.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority and the folder its certificates lie in."""

    folder: Path
    root: trustme.CA

    @property
    def certificate(self) -> Path:
        """Return the file of the authority's own certificate."""
        return self.folder / "ca.crt"

    def serve(self, *hosts: str) -> tuple[Path, Path]:
        """Write a new serving certificate for the hosts, in place of one there was; return certificate and key."""
        made = self.root.issue_cert(*hosts, common_name="kube-apiserver")
        certificate, key = self.folder / "serving.crt", self.folder / "serving.key"
        # The key last, each in one step: the server reloads the pair when a file changes.
        _replace(certificate, b"".join(part.bytes() for part in made.cert_chain_pems))
        _replace(key, made.private_key_pem.bytes())
        return certificate, key

    def user(self, server: str, name: str, group: str | None = None, *, for_s: float | None = None) -> Path:
        """Return a kubeconfig of this user and group at the server; with `for_s` it is good for so many seconds."""
        until = None if for_s is None else datetime.now(UTC) + timedelta(seconds=for_s)
        # A name beside the common one: without any, the certificate says something critical that Go does not take.
        made = self.root.issue_cert("client.test", common_name=name, organization_name=group, not_after=until)
        chain = b"".join(part.bytes() for part in made.cert_chain_pems)
        return self.kubeconfig(
            server,
            name,
            {"client-certificate-data": _text(chain), "client-key-data": _text(made.private_key_pem.bytes())},
        )

    def kubeconfig(self, server: str, name: str, user: dict[str, str], namespace: str = "default") -> Path:
        """Return a kubeconfig file with these credentials. JSON is YAML."""
        authority = _text(self.certificate.read_bytes())
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "plane", "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "plane", "context": {"cluster": "plane", "user": name, "namespace": namespace}}],
            "current-context": "plane",
        }
        path = self.folder / f"{name.replace(':', '-').replace('/', '-')}.{namespace}.kubeconfig"
        _replace(path, json.dumps(document, indent=1).encode())
        return path


def authority(folder: Path) -> Authority:
    """Return a new authority in the folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = trustme.CA()
    root.cert_pem.write_to_path(str(folder / "ca.crt"))
    return Authority(folder, root)


def signing_key(path: Path) -> Path:
    """Write the key that service-account tokens are signed with, and return its file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    _replace(path, key.private_bytes(*form))
    return path


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _replace(path: Path, data: bytes) -> None:
    """Write the file in one step, readable by its owner alone."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(data)
    fresh.replace(path)
