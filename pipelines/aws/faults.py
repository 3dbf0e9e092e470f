"""What AWS and botocore say when something is wrong, as our own errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pipelines.errors import CloudError

DENIED = ("AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation")
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch")
HINTS: Mapping[str, str] = {
    **dict.fromkeys(DENIED, "Allow this action in your own policy; creating and updating a pipeline also needs iam:PassRole on its role."),
    **dict.fromkeys(EXPIRED, "Sign in again: the credentials have expired or are wrong."),
    "NoSuchBucket": "Create the bucket first, in the pipeline's region and account.",
    "404": "Create the bucket first, in the pipeline's region and account.",
    "PermanentRedirect": "The bucket is in another region; give --region.",
    "301": "The bucket is in another region; give --region.",
    "ThrottlingException": "AWS is busy; try again.",
}


@contextmanager
def explained(action: str, what: str) -> Iterator[None]:
    """Turn an exception of botocore or boto3 in the block into a CloudError that names the action and what it was for.

    Raises:
        CloudError: AWS refused the call or could not be reached.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, PartialCredentialsError, ProfileNotFound

    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        code = str(told.get("Code", ""))
        raise CloudError(f"{action} failed: {told.get('Message') or code}", where=what, got=code, hint=HINTS.get(code, "")) from None
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        hint = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        raise CloudError(f"{action} failed: {error}", where=what, hint=hint) from None
    except NoRegionError:
        raise CloudError(f"{action} failed: no region is set", where=what, hint="Give --region.") from None
    except (BotoCoreError, Boto3Error) as error:
        raise CloudError(f"{action} failed: {error}", where=what, hint="Check the network and the region.") from None
