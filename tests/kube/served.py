"""What a server that has just started does not serve yet, although it calls itself ready."""

from __future__ import annotations

import httpx

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""What kubectl finds kinds by."""


def unserved(client: httpx.Client) -> set[str]:
    """Return the custom resources that are defined and cannot be listed or found yet."""
    told = client.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    if told.status_code != 200:
        return {f"definitions: {told.text}"}
    defined = {each["metadata"]["name"]: each["spec"] for each in told.json()["items"]}
    if not defined:
        return set()
    found = client.get("/apis", headers={"Accept": DISCOVERY})
    groups = found.json()["items"] if found.status_code == 200 else []
    known = {
        f"{resource['resource']}.{group['metadata']['name']}"
        for group in groups
        for version in group["versions"]
        for resource in version.get("resources", ())
    }
    listed = {
        name
        for name, spec in defined.items()
        if client.get(
            f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}", params={"limit": "1"}
        ).status_code
        == 200
    }
    return set(defined) - (known & listed)
