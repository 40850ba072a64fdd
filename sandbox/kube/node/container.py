"""One container of a pod over its whole life: pull, configure, start, probe, restart."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.kube.node import images
from sandbox.kube.node.environment import Unconfigured, environment, expand
from sandbox.kube.node.probes import probe
from sandbox.kube.node.processes import Process, Run, process_for
from sandbox.kube.node.volumes import container_mounts

if TYPE_CHECKING:
    from sandbox.kube.node.kubelet import Kubelet

Document = dict[str, Any]
log = logging.getLogger("sandbox.kube")
BACK_OFF_S = 10.0
LONGEST_BACK_OFF_S = 300.0
RETRY_S = 2.0


@dataclass
class ContainerState:
    """What the pod status says of a container."""

    state: Document = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Document = field(default_factory=dict)
    ready: bool = False
    started: bool = False
    restarts: int = 0
    image_id: str = ""
    container_id: str = ""

    @property
    def ended(self) -> int | None:
        """The exit code if it ended and will not come back."""
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])


class Container:
    """`publish` is called after every change of `state`, `lookup` gives the pod as it is now."""

    def __init__(
        self,
        kubelet: "Kubelet",
        pod: Document,
        spec: Document,
        ip: str,
        volumes: dict[str, Path],
        publish: Callable[[], None],
        *,
        initial: bool = False,
    ) -> None:
        self.kubelet = kubelet
        self.context = kubelet.context
        self.pod = pod
        self.spec = spec
        self.ip = ip
        self.volumes = volumes
        self.publish = publish
        self.initial = initial
        self.state = ContainerState()
        self.image = images.parse(spec["image"])
        self._process: Process | None = None
        self._killed = ""

    # -- life -----------------------------------------------------------------------------

    async def live(self) -> None:
        """Until it has ended for good.  Cancelled when the pod goes."""
        back_off = 0.0
        try:
            while True:
                await self._pull()
                run = await self._configure()
                began = asyncio.get_running_loop().time()
                code, why = await self._once(run)
                self._end(code, why)
                if not self._comes_back(code):
                    return
                ran = asyncio.get_running_loop().time() - began
                if ran > self.context.paced(2 * LONGEST_BACK_OFF_S):
                    back_off = 0.0
                if back_off:
                    await self._back_off(back_off)
                back_off = min(LONGEST_BACK_OFF_S, back_off * 2 or BACK_OFF_S)
                self.state.restarts += 1
        finally:
            await self.stop()

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process:
            grace = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
            try:
                await asyncio.wait_for(process.stop(), max(1.0, self.context.paced(grace)))
            except Exception:  # a container that will not stop nicely is killed, as it would be
                log.exception("stopping %s", self.spec["name"])

    def _comes_back(self, code: int) -> bool:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        if self.initial:
            return code != 0 and policy != "Never"
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    # -- stages ---------------------------------------------------------------------------

    async def _pull(self) -> None:
        image, node = self.image, self.pod["spec"]["nodeName"]
        policy = self.spec.get("imagePullPolicy", "IfNotPresent")
        if policy != "Always" and self.kubelet.has_image(node, image.text):
            if not self.state.restarts:
                said = f'Container image "{image.text}" already present on machine'
                self._say("Normal", "Pulled", said)
            return
        wait = BACK_OFF_S
        while True:
            self._say("Normal", "Pulling", f'Pulling image "{image.text}"')
            seconds = self.context.world.pace.seconds("kube.image_pull")
            if not self.kubelet.has_image(node, image.text):
                await asyncio.sleep(seconds)
            if await images.exists(self.context.world, image):
                self._say("Normal", "Pulled", f'Successfully pulled image "{image.text}"')
                self.kubelet.keep_image(node, image.text)
                return
            why = images.missing_message(image)
            said = f'Failed to pull image "{image.text}": {why}'
            self._say("Warning", "Failed", said)
            self._say("Warning", "Failed", "Error: ErrImagePull")
            self._wait_for("ErrImagePull", why)
            await asyncio.sleep(self.context.paced(1.0))
            said = f'Back-off pulling image "{image.text}"'
            self._wait_for("ImagePullBackOff", f"{said}: ErrImagePull: {why}")
            self._say("Normal", "BackOff", said)
            self._say("Warning", "Failed", "Error: ImagePullBackOff")
            await asyncio.sleep(self.context.paced(wait))
            wait = min(LONGEST_BACK_OFF_S, wait * 2)

    async def _configure(self) -> Run:
        while True:
            try:
                known = environment(self.context, self.pod, self.spec)
                mounts = container_mounts(self.spec, self.volumes)
                break
            except (Unconfigured, OSError) as exc:
                self._wait_for("CreateContainerConfigError", str(exc))
                self._say("Warning", "Failed", f"Error: {exc}")
                await asyncio.sleep(max(0.05, self.context.paced(RETRY_S)))
        core, memory = self.kubelet.share_of(self.pod, self.spec)
        uid, name = self.pod["metadata"]["uid"], self.spec["name"]
        return Run(
            image=self.image,
            ip=self.ip,
            command=[expand(word, known) for word in self.spec.get("command", [])],
            args=[expand(word, known) for word in self.spec.get("args", [])],
            env=known,
            mounts=mounts,
            ports=[one["containerPort"] for one in self.spec.get("ports", [])],
            qgpu_core=core,
            qgpu_memory_gib=memory,
            restarts=self.pod["spec"].get("restartPolicy") == "Always" and not self.initial,
            say=lambda text: self.kubelet.logs.write(uid, name, text),
            attach=lambda source: self.kubelet.logs.attach(uid, name, source),
        )

    async def _once(self, run: Run) -> tuple[int, str]:
        """Start it and see it through: (exit code, message)."""
        self._killed = ""
        self._say("Normal", "Created", f"Created container: {self.spec['name']}")
        try:
            self._process = process_for(run, self.kubelet.make_web_ui, self.context.world)
            self._running()
            await self._process.start()
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            run.say(f"{type(exc).__name__}: {exc}")
            await self.stop()
            return 1, f"{type(exc).__name__}: {exc}"
        self._say("Normal", "Started", f"Started container {self.spec['name']}")
        watching = asyncio.create_task(self._watch())
        try:
            code = await self._process.wait()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await self.stop()
        return (137, self._killed) if self._killed else (code, "")

    def _running(self) -> None:
        seed = f"{self.pod['metadata']['uid']}{self.spec['name']}{self.state.restarts}"
        self.state.container_id = f"containerd://{hashlib.sha256(seed.encode()).hexdigest()}"
        self.state.image_id = self.image.identity
        self.state.state = {"running": {"startedAt": self.context.stamp()}}
        probed = "startupProbe" in self.spec
        self.state.started = not probed
        self.state.ready = not probed and "readinessProbe" not in self.spec
        self.publish()

    def _end(self, code: int, why: str) -> None:
        began = self.state.state.get("running", {}).get("startedAt", self.context.stamp())
        ended = {
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
            "startedAt": began,
            "finishedAt": self.context.stamp(),
            "containerID": self.state.container_id,
        }
        if why:
            ended["message"] = why
        self.state.state = {"terminated": ended}
        self.state.last = {"terminated": ended}
        self.state.ready = self.state.started = False
        self.publish()

    async def _back_off(self, seconds: float) -> None:
        metadata, name = self.pod["metadata"], self.spec["name"]
        pod = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        said = f"back-off {_go(seconds)} restarting failed container={name} pod={pod}"
        self._wait_for("CrashLoopBackOff", said)
        self._say("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {pod}")
        await asyncio.sleep(self.context.paced(seconds))

    def _wait_for(self, reason: str, message: str) -> None:
        self.state.state = {"waiting": {"reason": reason, "message": message}}
        self.state.ready = self.state.started = False
        self.publish()

    def _say(self, kind: str, reason: str, message: str) -> None:
        group = "initContainers" if self.initial else "containers"
        field_path = f"spec.{group}{{{self.spec['name']}}}"
        host = self.pod["spec"]["nodeName"]
        self.context.events.record(
            self.pod, kind, reason, message, "kubelet", host=host, field=field_path
        )

    # -- probes ---------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Startup first; then readiness and liveness side by side."""
        if "startupProbe" in self.spec:
            await self._probe_startup(self.spec["startupProbe"])
        tasks = []
        if "readinessProbe" in self.spec:
            tasks.append(self._probe_readiness(self.spec["readinessProbe"]))
        if "livenessProbe" in self.spec:
            tasks.append(self._probe_liveness(self.spec["livenessProbe"]))
        await asyncio.gather(*tasks)

    def _period(self, spec: Document) -> float:
        return max(0.05, self.context.paced(spec["periodSeconds"]))

    async def _delay(self, spec: Document) -> None:
        await asyncio.sleep(self.context.paced(spec.get("initialDelaySeconds", 0)))

    def _unhealthy(self, which: str, why: str) -> None:
        self._say("Warning", "Unhealthy", f"{which} probe failed: {why}")

    async def _probe_startup(self, spec: Document) -> None:
        await self._delay(spec)
        failures = 0
        while True:
            why = await probe(spec, self.spec, self.ip)
            if not why:
                self.state.started = True
                self.state.ready = "readinessProbe" not in self.spec
                self.publish()
                return
            failures += 1
            self._unhealthy("Startup", why)
            if failures >= spec["failureThreshold"]:
                self._kill("startup")
                return
            await asyncio.sleep(self._period(spec))

    async def _probe_readiness(self, spec: Document) -> None:
        await self._delay(spec)
        successes = failures = 0
        while True:
            why = await probe(spec, self.spec, self.ip)
            if why:
                successes, failures = 0, failures + 1
                self._unhealthy("Readiness", why)
                changed = self.state.ready and failures >= spec["failureThreshold"]
            else:
                successes, failures = successes + 1, 0
                changed = not self.state.ready and successes >= spec["successThreshold"]
            if changed:
                self.state.ready = not why
                self.publish()
            await asyncio.sleep(self._period(spec))

    async def _probe_liveness(self, spec: Document) -> None:
        await self._delay(spec)
        failures = 0
        while True:
            why = await probe(spec, self.spec, self.ip)
            failures = failures + 1 if why else 0
            if why:
                self._unhealthy("Liveness", why)
            if failures >= spec["failureThreshold"]:
                self._kill("liveness")
                return
            await asyncio.sleep(self._period(spec))

    def _kill(self, which: str) -> None:
        name = self.spec["name"]
        said = f"Container {name} failed {which} probe, will be restarted"
        self._say("Normal", "Killing", said)
        self._killed = said
        if self._process and not self._process.exit_code.done():
            self._process.exit_code.set_result(137)


def _go(seconds: float) -> str:
    """A Go duration: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
