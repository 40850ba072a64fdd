"""What COS refuses with: a code, a sentence, and the HTTP status that goes with the code."""

REFUSALS: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied."),
    "AccessForbidden": (403, "CORSResponse: This CORS request is not allowed."),
    "BadDigest": (400, "The Content-MD5 you specified did not match what we received."),
    "BucketAlreadyExists": (409, "The requested bucket name is not available."),
    "BucketAlreadyOwnedByYou": (
        409,
        "The bucket you tried to create already exists, and you own it.",
    ),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size."),
    "ExpiredToken": (403, "The provided token has expired."),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidAccessKeyId": (403, "The access key Id you provided does not exist in our records."),
    "InvalidArgument": (400, "Invalid Argument."),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-MD5 you specified is not valid."),
    "InvalidPart": (
        400,
        "One or more of the specified parts could not be found. The part might not have been"
        " uploaded, or the specified entity tag might not have matched the part's entity tag.",
    ),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order by part number."),
    "InvalidRange": (416, "The requested range is not satisfiable."),
    "InvalidRequest": (400, "The request is invalid."),
    "InvalidTag": (400, "The tag provided was not a valid tag."),
    "KeyTooLong": (400, "Your key is too long."),
    "MalformedXML": (400, "The XML you provided was not well-formed."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist."),
    "NoSuchTagSetError": (404, "The TagSet does not exist."),
    "NoSuchUpload": (
        404,
        "The specified multipart upload does not exist. The upload ID might be invalid,"
        " or the multipart upload might have been aborted or completed.",
    ),
    "NotImplemented": (501, "A header you provided implies functionality that is not implemented."),
    "PreconditionFailed": (412, "Precondition Failed."),
    "RequestTimeTooSkewed": (403, "The difference between the request time and our time is large."),
    "SignatureDoesNotMatch": (
        403,
        "The Signature you specified is invalid. Check your key and signing method.",
    ),
    "SlowDown": (503, "Please reduce your request rate."),
    "TooManyBuckets": (400, "You have attempted to create more buckets than allowed."),
}


class CosError(Exception):
    """Answer with this code; `message` and `status` default to what the code usually carries."""

    names_resource = True

    def __init__(self, code: str, message: str = "", status: int = 0) -> None:
        usual_status, usual_message = REFUSALS.get(code, (400, code))
        super().__init__(message or usual_message)
        self.code = code
        self.message = message or usual_message
        self.status = status or usual_status


class NotModified(Exception):
    """The reader's copy is still good: answer 304 with `headers` and no body."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("Not Modified")
        self.headers = headers
