"""Requests are signed as Amazon's own library signs them."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Theirs

from adapters.wires.sigv4 import Credentials, signed

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-west-2"


@pytest.mark.parametrize("token", [None, "lent for a while=="])
@pytest.mark.parametrize("url", ["https://sqs.eu-west-2.amazonaws.com/", "http://127.0.0.1:9324/0123/queue"])
def test_the_signature_is_that_of_amazons_own_library(url, token):
    headers, body = (
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"},
        b'{"a":1}',
    )
    theirs = AWSRequest("POST", url, headers=headers, data=body)
    SigV4Auth(Theirs(KEY, SECRET, token), "sqs", REGION).add_auth(theirs)
    at = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    who = Credentials(access_key_id=KEY, secret_access_key=SECRET, session_token=token)

    ours = signed(url, headers, body, credentials=who, region=REGION, service="sqs", now=at)

    assert ours["authorization"] == theirs.headers["Authorization"]
    assert SECRET not in repr(who)
