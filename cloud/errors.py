"""What went wrong outside, said in the words the loop listens to; and the vendors' codes by table.

Transient: the same call may succeed later.  Terminal: it cannot until somebody changes something.
LostAnswer: the call may have been carried out; look before sending it again.
"""


class CloudError(Exception):
    """`message` is one sentence for an operator and never holds a secret or a signed URL.

    `code` is the vendor's own code, `request_id` what the vendor's support asks for."""

    def __init__(
        self, message: str, *, code: str = "", request_id: str = "", service: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id
        self.service = service


class Transient(CloudError):
    """Ask again later.  `retry_s` is the shortest sensible wait, 0 if the vendor says nothing."""

    retry_s: float = 0.0

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        request_id: str = "",
        service: str = "",
        retry_s: float | None = None,
    ) -> None:
        super().__init__(message, code=code, request_id=request_id, service=service)
        if retry_s is not None:
            self.retry_s = retry_s


class Throttled(Transient):
    """Too many calls; nothing was carried out."""

    retry_s = 2.0


class Busy(Transient):
    """The resource is in a state that does not allow this now."""

    retry_s = 5.0


class Unreachable(Transient):
    """Nobody answered, and nothing was changed by asking."""


class LostAnswer(Transient):
    """The request may have been carried out, but its answer did not arrive."""


class OutOfStock(Transient):
    """The zone has no such machine right now: waiting, not broken."""

    retry_s = 300.0


class Terminal(CloudError):
    """Will not succeed until somebody changes something."""


class NotAuthorized(Terminal):
    """The credentials are wrong, expired, or lack the permission."""


class OverQuota(Terminal):
    """A limit or the balance of the account is used up."""


class Rejected(Terminal):
    """The request itself is not acceptable."""


class NotFound(Rejected):
    """It, or what it belongs to, does not exist.  Adapters turn it into None or success."""


class AlreadyExists(Rejected):
    """The name is taken, perhaps by an earlier try of ours."""


def _table(*rows: tuple[type[CloudError], str]) -> dict[str, type[CloudError]]:
    return {code: kind for kind, codes in rows for code in codes.split()}


# Full codes first; then the part before the dot.  Sources: the products' published code lists.
API_CODES = _table(
    (
        NotFound,
        "InvalidParameter.ClusterNotFound InternalError.ClusterNotFound"
        " FailedOperation.ClusterNotFound InternalError.ErrNotExist",
    ),
    (
        Busy,
        "InternalError.ClusterState InternalError.UnexpectedInternal.ClusterState"
        " ResourceInsufficient.ErrorInstanceNotRunning FailedOperation.ClientTokenInUse"
        " InvalidParameterValue.InvalidFsStatus",
    ),
    (
        AlreadyExists,
        "InvalidParameter.ErrorNameExists InvalidParameter.ErrNamespaceExist"
        " InvalidParameter.ErrRepoExist InvalidParameterValue.ResourceAlreadyExist"
        " InvalidParameterValue.DuplicatedPgroupName FailedOperation.ErrorTcrResourceConflict"
        " InvalidParameterValue.DuplicatedRuleAuthClientIp FailedOperation.MountTargetExists"
        " InternalError.ErrConflict InternalError.ErrorTcrResourceConflict",
    ),
    (
        OverQuota,
        "FailedOperation.QuotaMaxClsLimit FailedOperation.QuotaMaxNodLimit"
        " FailedOperation.TradeFailed FailedOperation.TradeInsufficientBalance"
        " InternalError.TradeInsufficientBalance OperationDenied.QuotaOverLimit"
        " InvalidParameterValue.ClientTokenLimitExceeded"
        " ResourceInsufficient.FileSystemLimitExceeded"
        " ResourceInsufficient.PgroupNumberLimitExceeded ResourceInsufficient.RuleLimitExceeded"
        " ResourceInsufficient.SnapshotSizeLimitExceeded"
        " ResourceInsufficient.SubnetIpAllOccupied ResourceUnavailable.NotPurchased",
    ),
    (
        NotAuthorized,
        "FailedOperation.CamNoAuth FailedOperation.RBACForbidden FailedOperation.Role"
        " FailedOperation.ErrorTcrUnauthorized InternalError.CamNoAuth"
        " ResourceNotFound.Forbidden",
    ),
    (Rejected, "FailedOperation.DeprecatedAPI FailedOperation.PreconditionFailed"),
)
API_PREFIXES = _table(
    (Throttled, "RequestLimitExceeded"),
    (NotAuthorized, "AuthFailure UnauthorizedOperation IpInBlacklist IpNotInWhitelist"),
    (
        Rejected,
        "InvalidParameter InvalidParameterValue MissingParameter UnknownParameter InvalidAction"
        " InvalidRequest NoSuchVersion NoSuchProduct UnsupportedRegion UnsupportedOperation"
        " RequestSizeLimitExceeded ResponseSizeLimitExceeded OperationDenied DryRunOperation"
        " UnsupportedProtocol",
    ),
    (Busy, "ResourceInUse ResourceUnavailable FailedOperation"),
    (NotFound, "ResourceNotFound"),
    (OverQuota, "LimitExceeded"),
    (OutOfStock, "ResourceInsufficient ResourcesSoldOut"),
    (Unreachable, "InternalError ServiceUnavailable ActionOffline"),
)
COS_CODES = _table(
    (Throttled, "SlowDown RequestLimitExceeded TooManyRequests -29214"),
    (Unreachable, "ServiceUnavailable InternalError RequestTimeout ServerBusy"),
    (
        NotAuthorized,
        "AccessDenied SignatureDoesNotMatch InvalidAccessKeyId RequestTimeTooSkewed ExpiredToken"
        " InvalidSecretId RequestIsExpired",
    ),
    (
        NotFound,
        "NoSuchBucket NoSuchKey NoSuchUpload NoSuchResource NoSuchCORSConfiguration"
        " NoSuchLifecycleConfiguration NoSuchTagSet -6101",
    ),
    (AlreadyExists, "BucketAlreadyExists BucketAlreadyOwnedByYou"),
    (OverQuota, "TooManyBuckets UserNetworkTooSlow"),
    (Busy, "OperationAborted PathConflict RestoreAlreadyInProgress"),
)
# A Kubernetes Status: its reason, or else the HTTP status.
KUBE_REASONS = _table(
    (NotAuthorized, "Unauthorized Forbidden"),
    (NotFound, "NotFound"),
    (AlreadyExists, "AlreadyExists"),
    (Busy, "Conflict"),
    (Throttled, "TooManyRequests"),
    (Unreachable, "InternalError ServerTimeout ServiceUnavailable Timeout"),
)


def by_status(status: int) -> type[CloudError]:
    """The meaning of a plain HTTP status when no code of the vendor says more."""
    if status in (401, 403):
        return NotAuthorized
    if status == 404:
        return NotFound
    if status == 429:
        return Throttled
    return Rejected if status < 500 else Unreachable


def api_error(
    code: str, message: str, *, request_id: str, service: str, mutating: bool
) -> CloudError:
    """The error of a Tencent JSON API.  A server fault of a mutating call is a lost answer."""
    kind = API_CODES.get(code) or API_PREFIXES.get(code.partition(".")[0], Rejected)
    return made(kind, message, code=code, request_id=request_id, service=service, mutating=mutating)


def cos_error(
    code: str, message: str, status: int, *, request_id: str, service: str, mutating: bool
) -> CloudError:
    """The error of the COS and CI XML APIs."""
    kind = COS_CODES.get(code) or (Throttled if status == 503 else by_status(status))
    return made(kind, message, code=code, request_id=request_id, service=service, mutating=mutating)


def made(
    kind: type[CloudError],
    message: str,
    *,
    code: str = "",
    request_id: str = "",
    service: str = "",
    mutating: bool = False,
    retry_s: float | None = None,
) -> CloudError:
    """`kind` with its facts; Unreachable becomes LostAnswer if something may have been changed."""
    if kind is Unreachable and mutating:
        kind = LostAnswer
    text = message.strip()[:500] or "The service refused without giving a reason."
    if issubclass(kind, Transient):
        return kind(text, code=code, request_id=request_id, service=service, retry_s=retry_s)
    return kind(text, code=code, request_id=request_id, service=service)
