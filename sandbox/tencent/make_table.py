"""Reduce the `api.json` files of a tccli installation to `table.json.gz` beside this file.

    python -m sandbox.tencent.make_table <folder that holds tccli/services>

Run by hand when Tencent publishes new API descriptions; tccli itself is no dependency.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

SERVICES = (
    ("tke", "2018-05-25"),
    ("tke", "2022-05-01"),
    ("cfs", "2019-07-19"),
    ("tcr", "2019-09-24"),
    ("tse", "2020-12-07"),
    ("vpc", "2017-03-12"),
    ("cvm", "2017-03-12"),
    ("sts", "2018-08-13"),
)


def reduced(api: dict[str, Any]) -> dict[str, Any]:
    """Names, types and required flags only; members marked disabled are left out."""
    actions = {
        name: [entry["input"], entry["output"], int(entry.get("status") == "deprecated")]
        for name, entry in api["actions"].items()
    }
    objects = {
        name: {
            member["name"]: [member["type"], member["member"], int(bool(member.get("required")))]
            for member in entry["members"]
            if not member.get("disabled")
        }
        for name, entry in api["objects"].items()
    }
    return {"actions": actions, "objects": objects}


def main() -> None:
    root = Path(sys.argv[1])
    table: dict[str, dict[str, Any]] = {}
    for service, version in SERVICES:
        path = root / service / f"v{version.replace('-', '')}" / "api.json"
        table.setdefault(service, {})[version] = reduced(json.loads(path.read_text()))
    text = json.dumps(table, separators=(",", ":"), sort_keys=True).encode()
    # A fixed time stamp, so that the same input gives the same bytes.
    Path(__file__).with_name("table.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


if __name__ == "__main__":
    main()
