#!/usr/bin/env python3
"""Checks the chart with Helm's own engine and the Kubernetes schemas.

Run by `.ci/run`; by hand: `tests/peers/install && target/peers/venv/bin/python tests/chart/check.py`.
Every check appends to one list of faults, so that one run shows them all.
"""

import json
import re
import sys
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import promql_parser
import yaml

import manifests
import values as chart_values

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm"
SETS = {"default": {}} | {
    path.stem: yaml.safe_load(path.read_text()) for path in sorted((ROOT / "tests/chart/values").glob("*.yaml"))
}
KUBERNETES = ["1.29", kubernetes_validate.latest_version()]
KEY = {"masterKey": {"existingSecret": "key"}}
# Values that must be refused, each with a part of the message.
REFUSED = [
    ({"replicaCount": 2}, "more than one replica needs PostgreSQL"),
    ({"autoscaling": {"enabled": True}} | KEY, "more than one replica needs PostgreSQL"),
    ({"database": {"url": "postgres://db/tenure"}}, "PostgreSQL needs a master key"),
    ({"database": {"url": "postgres://db/tenure", "existingSecret": "db"}} | KEY, "not both"),
    ({"tenants": {"file": "x", "existingSecret": "y"}}, "not both"),
    ({"server": {"drainDelaySeconds": 2}}, "must be less than server.drainDelaySeconds"),
    ({"autoscaling": {"enabled": True, "minReplicas": 20}, "database": {"existingSecret": "db"}} | KEY, "is more than"),
    ({"replicaCount": 0}, "/replicaCount"),
    ({"podSecurity": {"runAsUser": 0}}, "/podSecurity/runAsUser"),
    ({"database": {"url": "mysql://db"}}, "/database/url"),
    ({"masterKey": {"value": "short"}}, "/masterKey/value"),
    ({"replicas": 2}, "additional properties"),
]

faults: list[str] = []


def lint(name: str, given: dict) -> None:
    for message in helm.lint(CHART, given, strict=True)["messages"]:
        # 1 is "info": the chart has no icon.
        if message["severity"] > 1:
            faults.append(f"{name}: lint: {message['path']}: {message['error']}")


def validate(name: str, resource: dict) -> None:
    what = f"{name}: {resource['kind']} {resource['metadata']['name']}"
    if resource["apiVersion"].startswith("monitoring.coreos.com/"):
        faults.extend(f"{what}: {fault}" for fault in manifests.monitoring_faults(resource))
        return
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            faults.append(f"{what}: Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            faults.append(f"{what}: {error.message}")


def render(chart: helm.Chart, name: str, given: dict) -> list[dict]:
    rendered = chart.render(given, name="demo", namespace="prod")
    if not rendered["tenure/templates/NOTES.txt"].strip():
        faults.append(f"{name}: NOTES.txt is empty")
    resources = manifests.parse(rendered)
    for resource in resources:
        validate(name, resource)
    faults.extend(f"{name}: {fault}" for fault in manifests.relation_faults(resources, chart.merge_values(given)))
    return resources


def refused(chart: helm.Chart) -> None:
    for given, expected in REFUSED:
        try:
            chart.render(given, name="demo")
            faults.append(f"{given} is accepted")
        except helm.HelmError as error:
            if expected not in str(error):
                faults.append(f"{given} is refused for another reason: {error}")


def expressions(resources: list[dict]) -> list[tuple[str, str]]:
    """Every PromQL expression of the alerts and of the dashboard, with where it stands."""
    found = []
    for resource in resources:
        if resource["kind"] == "PrometheusRule":
            rules = [rule for group in resource["spec"]["groups"] for rule in group["rules"]]
            found += [(rule["alert"], rule["expr"]) for rule in rules]
    board = json.loads((CHART / "dashboards/tenure.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            # The variables Grafana fills in.
            text = target["expr"].replace("$__rate_interval", "5m").replace("$job", "tenure")
            found.append((f"dashboard, {panel['title']}", text))
    return found


def metrics(resources: list[dict]) -> None:
    """Alerts and dashboard parse, and name metrics the server has and docs/operations.md describes."""
    # `Opts::new("name", …)` and its like; the registry puts `tenure_` before each.
    names = re.findall(r'(?:new|counters|gauges|histogram)\(\s*"([a-z0-9_]+)",', (ROOT / "src/telemetry.rs").read_text())
    declared = {f"tenure_{name}" for name in names}
    described = set(re.findall(r"^\| `(tenure_[a-z0-9_]+)`", (ROOT / "docs/operations.md").read_text(), re.M))
    for name in sorted(declared ^ described):
        faults.append(f"metric {name}: only in {'src/telemetry.rs' if name in declared else 'docs/operations.md'}")
    for where, text in expressions(resources):
        try:
            promql_parser.parse(text)
        except ValueError as error:
            faults.append(f"{where}: {error}: {text}")
        for name in re.findall(r"\btenure_[a-z0-9_]+", text):
            if name not in declared and re.sub(r"_(bucket|sum|count)$", "", name) not in declared:
                faults.append(f"{where}: the server has no metric {name}")


def alerts(resources: list[dict]) -> None:
    """docs/operations.md says what to do about each alert."""
    rules = [item for item in resources if item["kind"] == "PrometheusRule"]
    made = {rule["alert"] for item in rules for group in item["spec"]["groups"] for rule in group["rules"]}
    described = set(re.findall(r"^\| `(Tenure[A-Za-z]+)`", (ROOT / "docs/operations.md").read_text(), re.M))
    for name in sorted(made ^ described):
        faults.append(f"alert {name}: only in {'helm/alerts.yaml' if name in made else 'docs/operations.md'}")


def settings(resources: list[dict]) -> None:
    """The chart sets only what the server reads, and docs/operations.md lists exactly what the server reads."""
    sources = "".join(path.read_text() for path in (ROOT / "src").rglob("*.rs"))
    read = set(re.findall(r'env = "(TENURE_[A-Z0-9_]+)"', sources))
    described = set(re.findall(r"^\| `(TENURE_[A-Z0-9_]+)`", (ROOT / "docs/operations.md").read_text(), re.M))
    for name in sorted(read ^ described):
        faults.append(f"setting {name}: only in {'the server' if name in read else 'docs/operations.md'}")
    for name in sorted(manifests.environment(resources) - read):
        faults.append(f"the chart sets {name}, which the server doesn't read")


def main() -> int:
    count, all_resources = 0, []
    with helm.Chart.load(CHART) as chart:
        for name, given in SETS.items():
            lint(name, given)
            try:
                resources = render(chart, name, given)
            except helm.HelmError as error:
                faults.append(f"{name}: {error}")
                continue
            count += len(resources)
            all_resources += resources
        refused(chart)
        # Whether a value is used shows only where the sets render.
        faults.extend(chart_values.faults(chart, CHART, SETS) if count and not faults else [])
    alerts(all_resources)
    metrics(all_resources)
    settings(all_resources)
    for fault in sorted(set(faults)):
        print(f"chart: {fault}")
    print(
        f"chart: Helm {helm.helm_sdk_version()}, Kubernetes {' and '.join(KUBERNETES)}: "
        f"{len(SETS)} sets of values, {count} manifests, {len(REFUSED)} refusals, {len(set(faults))} faults"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
