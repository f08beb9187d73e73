#!/usr/bin/env python3
"""Clients that authenticate with a JWT, by PyPI's `authlib`: private_key_jwt and client_secret_jwt, then introspection and
revocation. What they need to know they read from the tenant's discovery document."""

import json
import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the issuer is on loopback

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from joserfc.jwk import ECKey

question = json.load(sys.stdin)
server = requests.get(question["issuer"] + "/.well-known/openid-configuration", timeout=10).json()
endpoint = server["token_endpoint"]
answer = {}


def shown(token):
    return {"scope": token["scope"], "token_type": token["token_type"]}


def session(client_id, secret, method):
    name = method.name
    made = OAuth2Session(
        client_id, secret, token_endpoint_auth_method=name, revocation_endpoint_auth_method=name
    )
    made.register_client_auth_method(method)
    return made


key = session("signer", ECKey.import_key(question["private_jwk"]), PrivateKeyJWT(endpoint, alg="ES256"))
answer["private_key_jwt"] = shown(key.fetch_token(endpoint, grant_type="client_credentials"))

secret = "loop-hmac-secret-0123456789-0123456789"
hmac = session("hmac", secret, ClientSecretJWT(endpoint))
token = hmac.fetch_token(endpoint, grant_type="client_credentials")
answer["client_secret_jwt"] = shown(token)

told = hmac.introspect_token(server["introspection_endpoint"], token=token["access_token"]).json()
answer["introspected"] = {name: told[name] for name in ("active", "client_id")}
gone = hmac.revoke_token(server["revocation_endpoint"], token=token["access_token"])
answer["revoked"] = gone.status_code
answer["after"] = hmac.introspect_token(server["introspection_endpoint"], token=token["access_token"]).json()
print(json.dumps(answer))
