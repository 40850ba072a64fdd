"""Tencent's frequency limits: a token bucket per sub-account, region and action."""

from dataclasses import dataclass

from sandbox.tencent.errors import ApiError

PER_SECOND = 20.0
EXCEPTIONS = {
    "tcr:DescribeImages": 100.0,
    "tcr:DescribeRepositories": 100.0,
    "tcr:DescribeNamespaces": 100.0,
    "tcr:DescribeInstances": 100.0,
    "tcr:CreateInstanceToken": 100.0,
    "tcr:DescribeImageManifests": 10.0,
    "cfs:CreateCfsFileSystem": 10.0,
}


@dataclass
class Bucket:
    tokens: float
    filled_at: float


class Throttle:
    """`factor` multiplies every rate: a world whose time runs faster allows more calls a second."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self._buckets: dict[tuple[str, str, str, str], Bucket] = {}

    def take(self, uin: str, region: str, service: str, action: str, now: float) -> None:
        """Count one call.  Raises RequestLimitExceeded when the bucket is empty."""
        rate = EXCEPTIONS.get(f"{service}:{action}", PER_SECOND) * self.factor
        bucket = self._buckets.setdefault((uin, region, service, action), Bucket(rate, now))
        bucket.tokens = min(rate, bucket.tokens + max(0.0, now - bucket.filled_at) * rate)
        bucket.filled_at = now
        if bucket.tokens < 1:
            raise ApiError(
                "RequestLimitExceeded",
                f"Your current request times exceeds the limit of {rate:g} per second of the"
                f" interface {action}.",
            )
        bucket.tokens -= 1
