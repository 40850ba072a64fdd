"""CFS: is the product activated, and which zones sell it."""

from sandbox.accounts import REGION
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.machines import ZONES
from sandbox.world import World


class CfsAccount:
    def __init__(self, world: World) -> None:
        self.account = world.store.collection("cfs.account")

    def handlers(self) -> dict[str, Handler]:
        return {
            "DescribeCfsServiceStatus": self.service_status,
            "SignUpCfsService": self.sign_up,
            "DescribeAvailableZoneInfo": self.describe_zones,
        }

    def service_status(self, ask: Ask) -> Answer:
        return {"CfsServiceStatus": "created" if "signed_up" in self.account else "none"}

    def sign_up(self, ask: Ask) -> Answer:
        self.account["signed_up"] = {}
        return {"CfsServiceStatus": "created"}

    def describe_zones(self, ask: Ask) -> Answer:
        kinds = [
            {
                "Type": kind,
                "Prepayment": True,
                "Protocols": [
                    {"SaleStatus": "saling", "Protocol": protocol} for protocol in protocols
                ],
            }
            for kind, protocols in (
                ("SD", ("NFS", "CIFS")), ("HP", ("NFS", "CIFS")), ("TB", ("TURBO",)),
                ("TP", ("TURBO",)),
            )
        ]  # fmt: skip
        return {
            "RegionZones": [
                {
                    "Region": REGION,
                    "RegionName": REGION,
                    "RegionStatus": "AVAILABLE",
                    "RegionCnName": "广州",
                    "Zones": [
                        {"Zone": zone, "ZoneId": int(number), "ZoneName": name,
                         "ZoneCnName": name, "Types": kinds}
                        for zone, (name, number) in ZONES.items()
                    ],
                }
            ]
        }  # fmt: skip
