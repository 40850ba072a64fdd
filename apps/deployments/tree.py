"""The picture of a deployment: Service → Deployment → pods → cards, and what they mount.

Pure arithmetic over what was last read; every number is a place in the SVG.
"""

from dataclasses import dataclass

from apps.core.phases import Phase
from apps.deployments.manifests import folders
from apps.deployments.models import Deployment
from apps.deployments.selectors import pods, spec_of

COLUMN = 216  # from one column's left edge to the next
WIDTH, HEIGHT, GAP = 176, 44, 12
PODS_SHOWN = 8


@dataclass(frozen=True)
class Node:
    """A box: state ok, run, warn, bad, hold."""

    x: int
    y: int
    kind: str
    name: str
    more: str
    state: str
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class Edge:
    path: str
    state: str


@dataclass(frozen=True)
class Tree:
    width: int
    height: int
    nodes: list[Node]
    edges: list[Edge]


STATES = {Phase.READY: "ok", Phase.DEGRADED: "warn", Phase.BLOCKED: "bad", Phase.WORKING: "run"}


def tree(row: Deployment) -> Tree | None:
    """None before the first plan was accepted."""
    spec = spec_of(row)
    if spec is None:
        return None
    found = pods(row)
    shown = found[:PODS_SHOWN]
    pod_column = max(1, len(shown)) * (HEIGHT + GAP) - GAP
    mounts = folders(spec)
    height = pod_column + GAP * 2 + HEIGHT
    middle = (pod_column - HEIGHT) // 2
    state = STATES.get(Phase(row.phase), "hold")
    ready = f"{row.done} / {row.total}"
    service = Node(0, middle, "Service", f"{row.service_name}:7860", spec.service.type, "ok")
    workload = Node(COLUMN, middle, "Deployment", f"{row.name} · r{row.revision}", ready, state)
    nodes, edges = [service, workload], [edge(service, workload)]
    for number, pod in enumerate(shown):
        pod_state = "ok" if pod.ready else "bad" if pod.code else "run"
        more = "" if pod.ready else pod.phase
        box = Node(
            2 * COLUMN,
            number * (HEIGHT + GAP),
            "Pod",
            pod.name.removeprefix(f"{row.name}-"),
            more,
            pod_state,
            WIDTH + 20,
        )
        nodes.append(box)
        edges.append(edge(workload, box))
        if pod.node:
            slice_words = f"{spec.slice.core}%"
            if spec.slice.memory_gib:
                slice_words += f" / {spec.slice.memory_gib} GiB"
            card = Node(3 * COLUMN + 20, box.y, "qGPU", pod.node, slice_words, pod_state)
            nodes.append(card)
            edges.append(edge(box, card))
    below = pod_column + GAP * 2
    claims = Node(COLUMN, below, "PVC", f"{len(mounts)} × RWX", "", "ok")
    disk = Node(
        2 * COLUMN, below, "PV · CFS", "/" + mounts[0], f"+{len(mounts) - 1}", "ok", WIDTH + 20
    )
    nodes += [claims, disk]
    down = f"M{workload.x + 24} {workload.y + HEIGHT} V{claims.y}"
    edges += [Edge(down, "ok"), edge(claims, disk)]
    return Tree(3 * COLUMN + 20 + WIDTH, height, nodes, edges)


def edge(left: Node, right: Node) -> Edge:
    """A line from the right side of one box to the left side of the other, bent once."""
    x1, y1 = left.x + left.width, left.y + left.height // 2
    x2, y2 = right.x, right.y + right.height // 2
    turn = (x1 + x2) // 2
    return Edge(f"M{x1} {y1} H{turn} V{y2} H{x2}", right.state if right.state == "bad" else "ok")
