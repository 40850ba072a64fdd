"""What can be rented: instance types with their cards, and the zones that have them in stock.

CPU, memory and cards follow Tencent's public product pages; prices are round figures in CNY/hour.
"""

from dataclasses import dataclass

ZONES = {
    "ap-guangzhou-3": ("Guangzhou Zone 3", "100003"),
    "ap-guangzhou-4": ("Guangzhou Zone 4", "100004"),
    "ap-guangzhou-6": ("Guangzhou Zone 6", "100006"),
    "ap-guangzhou-7": ("Guangzhou Zone 7", "100007"),
}


@dataclass(frozen=True)
class MachineType:
    name: str
    cpu: int
    memory_gib: int
    price_cny_per_hour: float
    gpu_type: str = ""
    cards: int = 0
    card_gib: int = 0  # usable by qGPU, a little less than what is printed on the card
    zones: tuple[str, ...] = tuple(ZONES)
    sold_out: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        return self.name.split(".")[0]


MACHINES = {
    machine.name: machine
    for machine in (
        MachineType("S5.LARGE8", 4, 8, 0.9),
        MachineType("S5.2XLARGE16", 8, 16, 1.8),
        MachineType("SA5.4XLARGE32", 16, 32, 2.9),
        MachineType("GN7.2XLARGE32", 8, 32, 8.1, "T4", 1, 14),
        MachineType("GN7.5XLARGE80", 20, 80, 11.3, "T4", 1, 14),
        MachineType("GN7.10XLARGE160", 40, 160, 22.6, "T4", 2, 14),
        MachineType("GN10Xp.2XLARGE40", 10, 40, 10.7, "V100", 1, 31, ("ap-guangzhou-3",)),
        MachineType("PNV4.7XLARGE116", 28, 116, 12.8, "A10", 1, 22),
        MachineType("PNV4.14XLARGE232", 56, 232, 25.6, "A10", 2, 22),
        MachineType("PNV4.28XLARGE466", 112, 466, 51.2, "A10", 4, 22, sold_out=("ap-guangzhou-6",)),
        MachineType(
            "GT4.4XLARGE96", 16, 96, 28.6, "A100", 1, 39, ("ap-guangzhou-6",), ("ap-guangzhou-6",)
        ),
    )
}

# Driver, CUDA and cuDNN sets that DescribeGPUInfo offers; the first is what a new node gets.
DRIVER_SETS = (
    ("535.183.06", "12.2.2", "8.9.4"),
    ("525.105.17", "12.0.1", "8.8.0"),
    ("470.182.03", "11.4.3", "8.2.4"),
    ("450.102.04", "11.0.3", "8.0.5"),
)
