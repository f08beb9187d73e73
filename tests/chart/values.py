"""That every value of the chart is described, restricted and used."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

Steps = tuple[str, ...]


def leaves(values: dict, above: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every value that isn't a map with members, with the way to it."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def places(node: yaml.MappingNode, above: Steps = ()) -> Iterator[tuple[Steps, int]]:
    """Every key of the file with the number of its line, counted from 0."""
    for key, value in node.value:
        yield (*above, key.value), key.start_mark.line
        if isinstance(value, yaml.MappingNode):
            yield from places(value, (*above, key.value))


def undescribed(text: str, schema: dict) -> Iterator[str]:
    """A comment stands above every key the schema knows; a map may leave that to its members."""
    lines, known = text.splitlines(), set(schema_keys(schema))
    for steps, number in places(yaml.compose(text)):
        if steps in known and not lines[number - 1].lstrip().startswith("# "):
            yield f"values.yaml, line {number + 1}: {'.'.join(steps)} is not described"


def schema_keys(schema: dict, above: Steps = ()) -> Iterator[Steps]:
    for key, part in schema.get("properties", {}).items():
        if "properties" in part:
            if part.get("additionalProperties") is not False:
                yield (*above, key, "(open)")
            yield from schema_keys(part, (*above, key))
        else:
            yield (*above, key)


def unrestricted(values: dict, schema: dict) -> Iterator[str]:
    """The schema and values.yaml have the same keys; a free-form map counts as one."""
    in_schema = {key for key in schema_keys(schema) if key != ("global",)}
    in_values = {steps for steps, _ in leaves(values)}
    for key in sorted(in_schema - in_values):
        if not any(steps[: len(key)] == key for steps in in_values):
            yield f"values.schema.json has {'.'.join(key)}, values.yaml has not"
    for steps in sorted(in_values):
        if not any(steps[: len(key)] == key for key in in_schema):
            yield f"values.yaml has {'.'.join(steps)}, values.schema.json has not"


def others(steps: Steps, value: Any) -> list[Any]:
    """Other values than this one, some of which the schema will take."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1]
    if isinstance(value, list):
        return [[{"name": "other", "value": "other"}], [{"host": "other.example.com", "paths": ["/"]}], []]
    if isinstance(value, dict):
        return [{"other": "other"}]
    known = ["text", "strict", "bounded:1s", "[::]", "0.0.0.0", "Always", "Never", "NodePort", "ClusterIP"]
    known += ["postgres://other/other", "https://other.example.com", "15m", "7Gi", "b" * 64, "B" * 43, "sha256:" + "b" * 64]
    return ["other", *known]


def put(values: dict, steps: Steps, value: Any) -> dict:
    changed = copy.deepcopy(values)
    inner = changed
    for step in steps[:-1]:
        inner = inner.setdefault(step, {})
    inner[steps[-1]] = value
    return changed


def get(values: dict, steps: Steps) -> Any:
    for step in steps:
        values = values[step]
    return values


def is_used(chart: helm.Chart, given: dict, steps: Steps) -> bool:
    """Whether another value in this place gives another output."""
    before = chart.render(given, name="demo")
    current = get(chart.merge_values(given), steps)
    for other in others(steps, current):
        if other == current:
            continue
        try:
            if chart.render(put(given, steps, other), name="demo") != before:
                return True
        except helm.HelmError:
            continue
    return False


def faults(chart: helm.Chart, folder: Path, sets: dict[str, dict]) -> list[str]:
    text = (folder / "values.yaml").read_text()
    values = yaml.safe_load(text)
    found = [*undescribed(text, chart.schema), *unrestricted(values, chart.schema)]
    for steps, _ in leaves(values):
        if not any(is_used(chart, given, steps) for given in sets.values()):
            found.append(f"values.yaml: {'.'.join(steps)} is used by no template")
    return found
