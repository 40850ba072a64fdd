"""What the account already holds when the sandbox starts for the first time.

As if an ops team had bought it in Tencent's own console before: the console finds it by discovery.
Names, sizes and numbers follow the article: one TKE cluster with qGPU, two A10 nodes of two cards,
a CFS file system, a TCR instance with a web UI image, a gateway, a bucket.
"""

VPC_ID = "vpc-demo0001"
SUBNET_ID = "subnet-demo001"
ZONE = "ap-guangzhou-6"
CLUSTER_ID = "cls-demo0001"
CLUSTER_NAME = "sd-demo"
CLUSTER_VERSION = "1.34.1"
NODE_POOL_ID = "np-demo00001"
NODE_COUNT = 2
CARDS_PER_NODE = 2
GPU_TYPE = "A10"
CARD_GIB = 22  # what qGPU advertises of an A10's 24 GB
INSTANCE_TYPE = "PNV4.14XLARGE232"
ADDONS = ("qgpu", "cfs", "cos")
CFS_ID = "cfs-demo00001"
CFS_NAME = "sd-models"
CFS_FSID = "demofsid"
MODEL_DIRECTORIES = (
    "models/Stable-diffusion",
    "models/Lora",
    "models/VAE",
    "models/ControlNet",
    "models/ESRGAN",
    "embeddings",
    "data",
)
REGISTRY_ID = "tcr-demo0001"
REGISTRY_NAME = "sd-demo"
IMAGE_NAMESPACE = "aigc"
IMAGE_REPOSITORY = "stable-diffusion-webui"
IMAGE_TAGS = ("1.10.1-cu121", "1.9.4-cu121", "1.10.1-taco3")
GATEWAY_ID = "gateway-de0a0001"
GATEWAY_NAME = "sd-demo"
BUCKET = "sd-demo-1250000000"
