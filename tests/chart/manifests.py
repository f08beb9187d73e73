"""What must hold between rendered manifests, beyond each one's own schema."""

from collections.abc import Iterator

import jsonschema
import yaml

TEXT = {"type": "string", "minLength": 1}
LABELS = {"type": "object", "additionalProperties": TEXT}


def closed(required: list[str] | None = None, **properties: dict) -> dict:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required if required is not None else list(properties),
    }


def many(items: dict) -> dict:
    return {"type": "array", "minItems": 1, "items": items}


# The parts of the Prometheus operator's kinds that the chart uses: Kubernetes' own schemas don't have them.
MONITORING = {
    "ServiceMonitor": closed(
        selector=closed(matchLabels=LABELS), endpoints=many(closed(port=TEXT, path=TEXT, interval=TEXT))
    ),
    "PrometheusRule": closed(
        groups=many(
            closed(
                name=TEXT,
                rules=many(
                    closed(
                        ["alert", "expr", "labels", "annotations"],
                        alert=TEXT,
                        expr=TEXT,
                        **{"for": {"type": "string", "pattern": "^[0-9]+[smh]$"}},
                        labels=LABELS | {"required": ["severity"]},
                        annotations=LABELS | {"required": ["summary", "description"]},
                    )
                ),
            )
        )
    ),
}


def parse(rendered: dict[str, str]) -> list[dict]:
    texts = [text for path, text in rendered.items() if path.endswith(".yaml")]
    return [resource for text in texts for resource in yaml.safe_load_all(text) if resource]


def monitoring_faults(resource: dict) -> list[str]:
    validator = jsonschema.Draft202012Validator(MONITORING[resource["kind"]])
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(resource["spec"])]


def pods(resources: list[dict]) -> Iterator[tuple[str, dict, dict]]:
    """Every pod: what makes it, its metadata and its spec."""
    for resource in resources:
        name = f"{resource['kind']} {resource['metadata']['name']}"
        if resource["kind"] == "Pod":
            yield name, resource["metadata"], resource["spec"]
        elif resource["kind"] in ("Deployment", "Job"):
            yield name, resource["spec"]["template"]["metadata"], resource["spec"]["template"]["spec"]


def environment(resources: list[dict]) -> set[str]:
    """The names of the TENURE_* variables that are set anywhere."""
    names = {name for item in resources if item["kind"] == "ConfigMap" for name in item["data"]}
    for _, _, spec in pods(resources):
        names |= {entry["name"] for container in spec["containers"] for entry in container.get("env", [])}
    return {name for name in names if name.startswith("TENURE_")}


def security_faults(resources: list[dict]) -> Iterator[str]:
    for name, _, spec in pods(resources):
        pod = spec["securityContext"]
        if not pod["runAsNonRoot"] or pod["runAsUser"] == 0 or pod["seccompProfile"]["type"] != "RuntimeDefault":
            yield f"{name}: the pod runs as root or without seccomp"
        if spec["automountServiceAccountToken"]:
            yield f"{name}: a service account's token is mounted"
        for container in spec["containers"]:
            own = container["securityContext"]
            if own["allowPrivilegeEscalation"] or not own["readOnlyRootFilesystem"]:
                yield f"{name}: the container may gain privileges or write to its root"
            if own["capabilities"] != {"drop": ["ALL"]}:
                yield f"{name}: capabilities are left"


def named(resources: list[dict], kind: str) -> dict[str, dict]:
    return {item["metadata"]["name"]: item for item in resources if item["kind"] == kind}


def secrets_used(spec: dict) -> Iterator[tuple[str, str]]:
    """Every (secret, key) a pod reads."""
    for container in spec["containers"]:
        for entry in container.get("env", []):
            if reference := entry.get("valueFrom", {}).get("secretKeyRef"):
                yield reference["name"], reference["key"]
    for volume in spec.get("volumes", []):
        for item in volume.get("secret", {}).get("items", []):
            yield volume["secret"]["secretName"], item["key"]


def secret_faults(resources: list[dict], values: dict) -> Iterator[str]:
    """A secret that is read is one of the release's, with that key, or one that was said to exist."""
    made = named(resources, "Secret")
    existing = {
        (values[part]["existingSecret"], values[part]["existingSecretKey"]) for part in ("database", "masterKey", "tenants")
    }
    for name, _, spec in pods(resources):
        for secret, key in secrets_used(spec):
            if key not in made.get(secret, {}).get("stringData", {}) and (secret, key) not in existing:
                yield f"{name}: there is no secret {secret} with a key {key}"
    for name, _, spec in pods([item for item in resources if item["kind"] == "Job"]):
        hooks = {secret for secret, item in made.items() if "helm.sh/hook" in item["metadata"].get("annotations", {})}
        for secret, _ in secrets_used(spec):
            if secret in made and secret not in hooks:
                yield f"{name}: the secret {secret} doesn't exist yet when the hook runs"


def selects(selector: dict, labels: dict) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def selector_faults(resources: list[dict]) -> Iterator[str]:
    """Services, budgets, policies and monitors select the servers (or the ops service) and nothing else."""
    labels = {name: metadata["labels"] for name, metadata, _ in pods(resources)}
    server = next(name for name in labels if name.startswith("Deployment "))
    for item in resources:
        name = f"{item['kind']} {item['metadata']['name']}"
        if item["kind"] == "Service":
            selector = item["spec"]["selector"]
        elif item["kind"] in ("PodDisruptionBudget", "Deployment"):
            selector = item["spec"]["selector"]["matchLabels"]
        elif item["kind"] == "NetworkPolicy":
            selector = item["spec"]["podSelector"]["matchLabels"]
        else:
            continue
        chosen = [pod for pod in labels if selects(selector, labels[pod])]
        if chosen != [server]:
            yield f"{name} selects {chosen}"
    for monitor in named(resources, "ServiceMonitor").values():
        selector = monitor["spec"]["selector"]["matchLabels"]
        services = named(resources, "Service").values()
        chosen = [item for item in services if selects(selector, item["metadata"]["labels"])]
        if [port["name"] for item in chosen for port in item["spec"]["ports"]] != ["ops"]:
            yield "the ServiceMonitor doesn't select the ops service alone"


def exposure_faults(resources: list[dict]) -> Iterator[str]:
    """The ops port stays inside; names of ports, services, config maps and accounts exist."""
    services = named(resources, "Service")
    for name, service in services.items():
        for port in service["spec"]["ports"]:
            if port["targetPort"] == "ops" and service["spec"]["type"] != "ClusterIP":
                yield f"Service {name}: the ops port is published"
    for ingress in named(resources, "Ingress").values():
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                ports = {port["name"]: port["targetPort"] for port in services[backend["name"]]["spec"]["ports"]}
                if ports.get(backend["port"]["name"]) != "public":
                    yield f"Ingress: {rule['host']} leads to another port than the public one"
    for name, _, spec in pods(resources):
        for container in spec["containers"]:
            ports = {port["name"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe in container and container[probe]["httpGet"]["port"] not in ports:
                    yield f"{name}: {probe} asks a port without a name"
            for source in container.get("envFrom", []):
                if source["configMapRef"]["name"] not in named(resources, "ConfigMap"):
                    yield f"{name}: no such config map"


def grace_faults(resources: list[dict], values: dict) -> Iterator[str]:
    """The kubelet waits longer than the server takes: the drain delay, then 30 s for what is in flight."""
    for item in named(resources, "Deployment").values():
        grace = item["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        if grace <= values["server"]["drainDelaySeconds"] + 30:
            yield f"a pod is killed after {grace} s, before the server has finished"


def relation_faults(resources: list[dict], values: dict) -> list[str]:
    return [
        *security_faults(resources),
        *secret_faults(resources, values),
        *selector_faults(resources),
        *exposure_faults(resources),
        *grace_faults(resources, values),
    ]
