"""How to reach one Tencent Cloud account in one region."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Access:
    """An empty endpoint means the real cloud; otherwise it is `host:port` without a scheme.

    `token` is only set for temporary (STS) credentials.  `intl` picks the international API
    hosts.  The repr shows no secret."""

    region: str
    secret_id: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    api_endpoint: str = ""
    api_scheme: str = "https"
    cos_endpoint: str = ""
    cos_scheme: str = "https"
    intl: bool = False

    def api_host(self, service: str) -> str:
        """Host of the JSON API of `service` ("tke", "cfs", …)."""
        if self.api_endpoint:
            return self.api_endpoint
        return (
            f"{service}.intl.tencentcloudapi.com" if self.intl else f"{service}.tencentcloudapi.com"
        )
