"""Verifies a JWT access token with PyPI's `joserfc`, as a resource server would (RFC 9068, section 4)."""

import json
import sys

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS = ["ES256", "ES384", "RS256", "PS256", "EdDSA"]

question = json.load(sys.stdin)
keys = KeySet.import_key_set(requests.get(question["jwks_uri"], timeout=10).json())
issuer = {"essential": True, "value": question["issuer"]}
claims = jwt.JWTClaimsRegistry(
    now=question["now"], iss=issuer, aud=issuer, sub={"essential": True}, exp={"essential": True}, jti={"essential": True}
)
try:
    token = jwt.decode(question["token"], keys, algorithms=ALGORITHMS)
    claims.validate(token.claims)
    if token.header.get("typ") != "at+jwt":
        raise ValueError(f"typ {token.header.get('typ')}")
    answer = {"header": token.header, "claims": token.claims}
except (JoseError, ValueError) as error:
    answer = {"refused": str(error)}
print(json.dumps(answer))
