"""Rules of each kind, on create and on update.  What is wrong is answered as one 422."""

from typing import Any

from sandbox.kube.causes import Causes, check_labels, check_metadata
from sandbox.kube.quantity import parse
from sandbox.kube.schema import Resource
from sandbox.kube.selectors import selector_match
from sandbox.kube.status import invalid
from sandbox.kube.validate_pods import check_spec

Document = dict[str, Any]
NOT_NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"
POD_MAY_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)


def check(resource: Resource, new: Document, old: Document | None) -> None:
    """Raise 422 if `new` (with defaults) may not be stored in place of `old` (None: created)."""
    causes = Causes()
    check_metadata(resource.name, new["metadata"], causes)
    rule = RULES.get(resource.name)
    if rule:
        rule(new, causes)
    if old is not None:
        _check_finalizers(new, old, causes)
        kept = UPDATES.get(resource.name)
        if kept:
            kept(new, old, causes)
    if causes:
        raise invalid(new["metadata"].get("name", ""), resource.group, resource.kind, causes)


def _check_finalizers(new: Document, old: Document, causes: Causes) -> None:
    if "deletionTimestamp" not in old["metadata"]:
        return
    before = old["metadata"].get("finalizers", [])
    added = [name for name in new["metadata"].get("finalizers", []) if name not in before]
    if added:
        listed = ", ".join(f'"{name}"' for name in added)
        why = (
            "no new finalizers can be added if the object is being deleted, found new finalizers "
            f"[]string{{{listed}}}"
        )
        causes.forbidden("metadata.finalizers", why)
        causes.forbidden("metadata.finalizers", why)  # the real server says it twice


def _check_template(spec: Document, causes: Causes, restart: list[str]) -> None:
    template = spec.get("template", {})
    labels = template.get("metadata", {}).get("labels", {})
    check_labels(labels, "spec.template.metadata.labels", causes)
    selector = spec.get("selector")
    if restart == ["Always"]:
        if not selector:
            causes.required("spec.selector")
        if not selector_match(selector, labels):
            say = "`selector` does not match template `labels`"
            causes.invalid("spec.template.metadata.labels", labels, say)
    check_spec(template.get("spec", {}), "spec.template.spec", causes)
    policy = template.get("spec", {}).get("restartPolicy")
    if template.get("spec") and policy not in restart:
        causes.unsupported("spec.template.spec.restartPolicy", policy, restart)


def _deployment(new: Document, causes: Causes) -> None:
    spec = new["spec"]
    if spec["replicas"] < 0:
        causes.invalid("spec.replicas", spec["replicas"], NOT_NEGATIVE)
    _check_template(spec, causes, ["Always"])
    strategy = spec["strategy"]
    if strategy["type"] not in ("Recreate", "RollingUpdate"):
        causes.unsupported("spec.strategy.type", strategy["type"], ["Recreate", "RollingUpdate"])
    elif strategy["type"] == "Recreate" and strategy.get("rollingUpdate"):
        why = "may not be specified when strategy `type` is 'Recreate'"
        causes.forbidden("spec.strategy.rollingUpdate", why)
    rolling = strategy.get("rollingUpdate", {})
    none = (0, "0", "0%")
    if rolling and rolling["maxSurge"] in none and rolling["maxUnavailable"] in none:
        field = "spec.strategy.rollingUpdate.maxUnavailable"
        causes.invalid(field, rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")
    if spec.get("minReadySeconds", 0) >= spec["progressDeadlineSeconds"]:
        field = "spec.progressDeadlineSeconds"
        causes.invalid(
            field, spec["progressDeadlineSeconds"], "must be greater than minReadySeconds"
        )


def _replica_set(new: Document, causes: Causes) -> None:
    spec = new["spec"]
    if spec["replicas"] < 0:
        causes.invalid("spec.replicas", spec["replicas"], NOT_NEGATIVE)
    _check_template(spec, causes, ["Always"])


def _job(new: Document, causes: Causes) -> None:
    _check_template(new["spec"], causes, ["OnFailure", "Never"])
    for name in ("parallelism", "completions", "backoffLimit"):
        if new["spec"].get(name, 0) < 0:
            causes.invalid(f"spec.{name}", new["spec"][name], NOT_NEGATIVE)


def _pod(new: Document, causes: Causes) -> None:
    check_spec(new["spec"], "spec", causes)


def _service(new: Document, causes: Causes) -> None:
    spec = new["spec"]
    types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
    if spec["type"] not in types:
        causes.unsupported("spec.type", spec["type"], types)
    if spec["sessionAffinity"] not in ("ClientIP", "None"):
        causes.unsupported("spec.sessionAffinity", spec["sessionAffinity"], ["ClientIP", "None"])
    if not spec.get("ports") and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        causes.required("spec.ports")
    ports = spec.get("ports", [])
    names: set[str] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        if len(ports) > 1 and not port.get("name"):
            causes.required(f"{at}.name")
        elif port.get("name") in names:
            causes.duplicate(f"{at}.name", port["name"])
        names.add(port.get("name", ""))
        if not 0 < (port.get("port") or 0) < 65536:
            say = "must be between 1 and 65535, inclusive"
            causes.invalid(f"{at}.port", port.get("port", 0), say)
    timeout = spec.get("sessionAffinityConfig", {}).get("clientIP", {}).get("timeoutSeconds", 1)
    if not 0 < timeout <= 86400:
        field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        causes.invalid(field, timeout, "must be greater than 0 and less than 86400")


def _claim(new: Document, causes: Causes) -> None:
    spec = new["spec"]
    if not spec.get("accessModes"):
        causes.required("spec.accessModes", "at least 1 access mode is required")
    if "storage" not in spec["resources"].get("requests", {}):
        causes.required("spec.resources[storage]")
    elif parse(spec["resources"]["requests"]["storage"]) <= 0:
        causes.invalid("spec.resources[storage]", "0", "must be greater than zero")


VOLUME_SOURCES = (
    "csi", "nfs", "hostPath", "local", "cephfs", "fc", "iscsi", "rbd", "glusterfs", "azureDisk",
    "azureFile", "gcePersistentDisk", "awsElasticBlockStore", "cinder", "flexVolume", "flocker",
    "photonPersistentDisk", "portworxVolume", "quobyte", "scaleIO", "storageos", "vsphereVolume",
)  # fmt: skip


def _volume(new: Document, causes: Causes) -> None:
    spec = new["spec"]
    if not spec.get("accessModes"):
        causes.required("spec.accessModes")
    if not spec.get("capacity"):
        causes.required("spec.capacity")
    sources = [name for name in VOLUME_SOURCES if name in spec]
    if not sources:
        causes.required("spec", "must specify a volume type")
    for name in sources[1:]:
        causes.forbidden(f"spec.{name}", "may not specify more than 1 volume type")
    if "csi" in spec:
        for name in ("driver", "volumeHandle"):
            if not spec["csi"].get(name):
                causes.required(f"spec.csi.{name}")


def _autoscaler(new: Document, causes: Causes) -> None:
    spec = new["spec"]
    largest = spec.get("maxReplicas", 0)
    if spec["minReplicas"] < 1:
        causes.invalid(
            "spec.minReplicas", spec["minReplicas"], "must be greater than or equal to 1"
        )
    if largest < 1:
        causes.invalid("spec.maxReplicas", largest, "must be greater than 0")
    elif largest < spec["minReplicas"]:
        say = "must be greater than or equal to `minReplicas`"
        causes.invalid("spec.maxReplicas", largest, say)
    target = spec["scaleTargetRef"]
    for name in ("kind", "name"):
        if not target.get(name):
            causes.required(f"spec.scaleTargetRef.{name}")
    if not target.get("apiVersion"):
        field = "spec.scaleTargetRef.apiVersion"
        causes.invalid(field, "", "apiVersion must specify API group")


def _budget(new: Document, causes: Causes) -> None:
    if "minAvailable" in new["spec"] and "maxUnavailable" in new["spec"]:
        say = "minAvailable and maxUnavailable cannot be both set"
        causes.invalid("spec", new["spec"], say)


def _storage_class(new: Document, causes: Causes) -> None:
    if not new.get("provisioner"):
        causes.required("provisioner")


def _keep_selector(new: Document, old: Document, causes: Causes) -> None:
    if new["spec"].get("selector") != old["spec"].get("selector"):
        causes.invalid("spec.selector", new["spec"].get("selector"), IMMUTABLE)


def _keep_claim(new: Document, old: Document, causes: Causes) -> None:
    def fixed(body: Document) -> Document:
        return {k: v for k, v in body["spec"].items() if k not in ("resources", "volumeName")}

    named = old["spec"].get("volumeName")
    if fixed(new) != fixed(old) or (named and new["spec"].get("volumeName") != named):
        why = (
            "spec is immutable after creation except resources.requests and "
            "volumeAttributesClassName for bound claims"
        )
        causes.forbidden("spec", why)


def _keep_volume(new: Document, old: Document, causes: Causes) -> None:
    for name in VOLUME_SOURCES:
        if new["spec"].get(name) != old["spec"].get(name):
            why = "spec.persistentvolumesource is immutable after creation"
            causes.forbidden("spec.persistentvolumesource", why)
            return


def _keep_pod(new: Document, old: Document, causes: Causes) -> None:
    def fixed(body: Document) -> Document:
        spec = dict(body["spec"])
        for name in ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"):
            spec.pop(name, None)
        for group in ("containers", "initContainers"):
            spec[group] = [{**item, "image": ""} for item in spec.get(group, [])]
        return spec

    if fixed(new) != fixed(old):
        causes.forbidden("spec", POD_MAY_CHANGE)


def _keep_job(new: Document, old: Document, causes: Causes) -> None:
    _keep_selector(new, old, causes)
    for name in ("template", "completions", "completionMode"):
        if new["spec"].get(name) != old["spec"].get(name):
            causes.invalid(f"spec.{name}", new["spec"].get(name), IMMUTABLE)


def _keep_storage_class(new: Document, old: Document, causes: Causes) -> None:
    for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        if new.get(name) == old.get(name):
            continue
        if name == "parameters":
            causes.forbidden(name, "updates to parameters are forbidden.")
        else:
            causes.invalid(name, new.get(name), IMMUTABLE)


def _keep_if_immutable(new: Document, old: Document, causes: Causes) -> None:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        causes.forbidden("immutable", "field is immutable when `immutable` is set")
    for name in ("data", "binaryData"):
        if new.get(name) != old.get(name):
            causes.forbidden(name, "field is immutable when `immutable` is set")


def _keep_secret(new: Document, old: Document, causes: Causes) -> None:
    if new.get("type") != old.get("type"):
        causes.invalid("type", new.get("type"), IMMUTABLE)
    _keep_if_immutable(new, old, causes)


def _keep_service(new: Document, old: Document, causes: Causes) -> None:
    before, after = old["spec"].get("clusterIPs"), new["spec"].get("clusterIPs")
    if before and after != before and new["spec"]["type"] != "ExternalName":
        causes.invalid("spec.clusterIPs[0]", after, "may not change once set")


def _keep_role(new: Document, old: Document, causes: Causes) -> None:
    if new.get("roleRef") != old.get("roleRef"):
        causes.invalid("roleRef", new.get("roleRef"), "cannot change roleRef")


RULES = {
    "deployments": _deployment,
    "replicasets": _replica_set,
    "jobs": _job,
    "pods": _pod,
    "services": _service,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "horizontalpodautoscalers": _autoscaler,
    "poddisruptionbudgets": _budget,
    "storageclasses": _storage_class,
}
UPDATES = {
    "deployments": _keep_selector,
    "replicasets": _keep_selector,
    "jobs": _keep_job,
    "pods": _keep_pod,
    "services": _keep_service,
    "persistentvolumeclaims": _keep_claim,
    "persistentvolumes": _keep_volume,
    "storageclasses": _keep_storage_class,
    "configmaps": _keep_if_immutable,
    "secrets": _keep_secret,
    "rolebindings": _keep_role,
}
