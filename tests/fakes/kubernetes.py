"""What an API server would say of a manifest: Kubernetes' published schemas.

lightkube's models are made of the OpenAPI document that Kubernetes publishes. Those of
the two operators' resources hold what is used here, as their definitions have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from lightkube.models import apps_v1, core_v1, networking_v1, policy_v1

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Document = Mapping[str, Any]

_MODELS: Final = {
    ("apps/v1", "StatefulSet"): apps_v1.StatefulSet,
    ("networking.k8s.io/v1", "NetworkPolicy"): networking_v1.NetworkPolicy,
    ("policy/v1", "PodDisruptionBudget"): policy_v1.PodDisruptionBudget,
    ("v1", "ConfigMap"): core_v1.ConfigMap,
    ("v1", "Namespace"): core_v1.Namespace,
    ("v1", "Service"): core_v1.Service,
    ("v1", "ServiceAccount"): core_v1.ServiceAccount,
}


def _object(required: tuple[str, ...] = (), **properties: object) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}
_SCALING: Final = _object(
    stabilizationWindowSeconds={"type": "integer", "minimum": 0, "maximum": 3600},
    selectPolicy={"enum": ["Max", "Min", "Disabled"]},
    policies={
        "type": "array",
        "minItems": 1,
        "items": _object(
            ("type", "value", "periodSeconds"),
            type={"enum": ["Pods", "Percent"]},
            value={"type": "integer", "minimum": 1},
            periodSeconds={"type": "integer", "minimum": 1, "maximum": 1800},
        ),
    },
)
_SCALED_OBJECT: Final = _object(
    ("scaleTargetRef", "triggers"),
    scaleTargetRef=_object(
        ("name",),
        apiVersion=_TEXT,
        kind=_TEXT,
        name=_TEXT,
        envSourceContainerName=_TEXT,
    ),
    minReplicaCount=_NUMBER,
    maxReplicaCount=_NUMBER,
    pollingInterval=_NUMBER,
    cooldownPeriod=_NUMBER,
    fallback=_object(
        ("failureThreshold", "replicas"), failureThreshold=_NUMBER, replicas=_NUMBER
    ),
    advanced=_object(
        horizontalPodAutoscalerConfig=_object(
            behavior=_object(scaleUp=_SCALING, scaleDown=_SCALING)
        )
    ),
    triggers={
        "type": "array",
        "items": _object(
            ("type", "metadata"),
            type={"const": "aws-sqs-queue"},
            authenticationRef=_object(("name",), name=_TEXT, kind=_TEXT),
            # Texts all of them; these are the scaler's own parameters.
            metadata=_object(
                ("awsRegion",),
                queueURL=_TEXT,
                queueURLFromEnv=_TEXT,
                awsRegion=_TEXT,
                queueLength={"type": "string", "pattern": "^[1-9][0-9]*$"},
                activationQueueLength={"type": "string", "pattern": "^[0-9]+$"},
                scaleOnInFlight={"enum": ["true", "false"]},
                scaleOnDelayed={"enum": ["true", "false"]},
            ),
        ),
    },
)
_TRIGGER_AUTHENTICATION: Final = _object(
    podIdentity=_object(
        ("provider",),
        provider={"enum": ["aws"]},
        roleArn=_TEXT,
        identityOwner={"enum": ["keda", "workload"]},
    )
)
_POD_MONITOR: Final = _object(
    ("selector",),
    jobLabel=_TEXT,
    selector=_object(matchLabels={"type": "object"}),
    podMetricsEndpoints={
        "type": "array",
        "items": _object(
            port=_TEXT,
            path=_TEXT,
            interval=_TEXT,
            relabelings={
                "type": "array",
                "items": _object(targetLabel=_TEXT, replacement=_TEXT),
            },
        ),
    },
)
_SPECS: Final = {
    ("keda.sh/v1alpha1", "ScaledObject"): _SCALED_OBJECT,
    ("keda.sh/v1alpha1", "TriggerAuthentication"): _TRIGGER_AUTHENTICATION,
    ("monitoring.coreos.com/v1", "PodMonitor"): _POD_MONITOR,
}


def faults(document: Document) -> list[str]:
    """Name what is missing, unknown or of the wrong type; empty: it would be taken."""
    kind = (document.get("apiVersion", ""), document.get("kind", ""))
    if kind in _SPECS:
        return _faults_of_resource(document, _SPECS[kind])
    if kind not in _MODELS:
        return [f"no schema of {kind}"]
    try:
        taken = msgspec.convert(document, _MODELS[kind])
    except msgspec.ValidationError as error:
        return [str(error)]
    return list(_unknown(document, msgspec.to_builtins(taken), "$"))


def _faults_of_resource(document: Document, spec: object) -> list[str]:
    schema = _object(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion=_TEXT,
        kind=_TEXT,
        metadata={"type": "object", "required": ["name"]},
        spec=spec,
    )
    return [
        f"{fault.json_path}: {fault.message}"
        for fault in Draft202012Validator(schema).iter_errors(document)
    ]


def _unknown(given: object, taken: object, path: str) -> Iterator[str]:
    """Give what the model has no place for: it is not there once it was read."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for key, value in given.items():
            if key in taken:
                yield from _unknown(value, taken[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}: unknown field"
    elif isinstance(given, list) and isinstance(taken, list):
        for number, (one, other) in enumerate(zip(given, taken, strict=True)):
            yield from _unknown(one, other, f"{path}[{number}]")
