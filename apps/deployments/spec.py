"""The wish for one web UI workload, typed.  Stored as JSON in Deployment.spec and its revisions."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PORT = 7860
ROOT = "/root/stable-diffusion-webui"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImageSpec(Part):
    """`repository` without the registry's domain; `digest` pins what `tag` meant when chosen."""

    repository: str = Field(max_length=255)
    tag: str = Field(max_length=128)
    digest: str = Field(max_length=80)


class SliceSpec(Part):
    """core: percent of one card; memory_gib: GiB, 0 with whole cards."""

    core: int
    memory_gib: int = 0


class ServiceSpec(Part):
    type: Literal["ClusterIP", "Internal", "Public"] = "ClusterIP"
    subnet_id: str = Field(default="", max_length=40)


class DeploymentSpec(Part):
    """`checkpoint` is the id of a published Version, `checkpoint_file` its name on the disk.

    flags: words of flags.FLAGS.  extra_args go last.  folders: model folders mounted beside the
    checkpoints.  cpu in cores, memory_gib of the host.
    """

    image: ImageSpec
    checkpoint: int
    checkpoint_file: str = Field(max_length=200)
    flags: tuple[str, ...] = ("--api",)
    extra_args: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    folders: tuple[str, ...] = ("models/Lora", "models/VAE")
    slice: SliceSpec
    replicas: int = Field(1, ge=0, le=64)
    cpu: float = Field(4, gt=0, le=256)
    memory_gib: int = Field(16, ge=1, le=1024)
    service: ServiceSpec = ServiceSpec()
    deadline_minutes: int = Field(30, ge=1, le=240)
    auto_rollback: bool = False
