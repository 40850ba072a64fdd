"""How a write to a cluster is meant."""

from dataclasses import dataclass, field


@dataclass
class Write:
    """`manager` owns what it changes; `warnings` collects what the answer should warn of."""

    manager: str = "kube-controller-manager"
    dry_run: bool = False
    validation: str = "Ignore"  # Strict, Warn or Ignore unknown fields
    subresource: str = ""
    force: bool = False
    patching: bool = False
    warnings: list[str] = field(default_factory=list)
