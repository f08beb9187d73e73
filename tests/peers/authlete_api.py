"""Manages authorised applications with the Python library authlete, in its second and third version of the API."""

import json
import sys

from authlete.api import AuthleteApiException
from authlete.api import authlete_api_impl
from authlete.api.authlete_api_impl import AuthleteApiImpl
from authlete.conf import AuthleteConfiguration
from authlete.dto import (
    ClientAuthorizationGetListRequest,
    ClientAuthorizationUpdateRequest,
    ClientListResponse,
    TokenRevokeRequest,
)

# The library forgets to import the class that it names here.
authlete_api_impl.AuthorizedClientListResponse = ClientListResponse

question = json.load(sys.stdin)
configuration = AuthleteConfiguration()
configuration.baseUrl = question["base"]
configuration.serviceApiKey = str(question["key"])
if question["version"] == "V3":
    configuration.apiVersion = "V3"
    configuration.serviceAccessToken = question["token"]
else:
    configuration.serviceApiSecret = question["secret"]
api = AuthleteApiImpl(configuration)


def listed(subject):
    request = ClientAuthorizationGetListRequest()
    request.subject = subject
    request.end = 10
    return json.loads(api.getClientAuthorizationList(request).to_json())


def refused(call):
    try:
        call()
    except AuthleteApiException as refusal:
        return [refusal.response.status_code, str(refusal)]
    return None


client, subject = question["client"], question["subject"]
answer = {
    "client": json.loads(api.getClient(client).to_json()),
    "clients": json.loads(api.getClientList(start=0, end=100).to_json()),
    "before": listed(subject),
    "tokens": json.loads(api.getTokenList(clientIdentifier=str(client), subject=subject, start=0, end=10).to_json()),
    "unknown": refused(lambda: api.getClient(4711)),
}
update = ClientAuthorizationUpdateRequest()
update.subject = subject
update.scopes = question["scopes"]
api.updateClientAuthorization(client, update)
answer["updated"] = json.loads(api.getTokenList(subject=subject).to_json())
revocation = TokenRevokeRequest()
revocation.accessTokenIdentifier = answer["tokens"]["accessTokens"][0]["accessTokenHash"]
answer["revoked"] = api.tokenRevoke(revocation).count
api.deleteClientAuthorization(client, subject)
answer["after"] = listed(subject)
json.dump(answer, sys.stdout)
