#!/usr/bin/env python3
"""Mints SAML 2.0 bearer assertions with an implementation that is not ours (signxml).

Reads a JSON object from standard input: `issuer`, `subject`, `audience`, `recipient`, `now` (seconds); as wanted `kind`
(rsa, p256, p384, p521), `digest` (sha256, sha384, sha512), `lifetime` (seconds), `id`, `private_key` (PEM, as handed out
before). Writes one: `certificate` and `jwk` to configure, `assertion` (base64url) to send, `xml`, `private_key`.
"""

import base64
import datetime
import json
import secrets
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml import CanonicalizationMethod, XMLSigner

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
PLACEHOLDER = f'<ds:Signature xmlns:ds="{DSIG}" Id="placeholder"></ds:Signature>'


def new_key(kind):
    """A private key: rsa, rsa1024, p256, p384 or p521."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:] or 2048))
    curves = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
    return ec.generate_private_key(curves[kind]())


def private_pem(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def certificate(key, until=datetime.datetime(2001, 1, 1)):
    """A self-signed certificate, by default one that expired long ago: its dates must not matter."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test identity provider")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime.datetime(2000, 1, 1)).not_valid_after(until)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(key):
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        size = (numbers.n.bit_length() + 7) // 8
        return {"kty": "RSA", "use": "sig", "n": b64url(numbers.n.to_bytes(size, "big")), "e": "AQAB"}
    size = (key.curve.key_size + 7) // 8
    name = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[key.curve.name]
    x, y = (b64url(n.to_bytes(size, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "use": "sig", "crv": name, "x": x, "y": y}


def instant(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def assertion(issuer, subject, audience, recipient, now, lifetime=300, id=None):
    """An assertion as text, with a place for the signature."""
    id = id or "_" + secrets.token_hex(16)
    start, made, end = instant(now - 30), instant(now), instant(now + lifetime)
    return f"""<saml:Assertion xmlns:saml="{SAML}" ID="{id}" IssueInstant="{made}" Version="2.0">
  <saml:Issuer>{issuer}</saml:Issuer>{PLACEHOLDER}
  <saml:Subject>
    <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{subject}</saml:NameID>
    <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
      <saml:SubjectConfirmationData NotOnOrAfter="{end}" Recipient="{recipient}"/>
    </saml:SubjectConfirmation>
  </saml:Subject>
  <saml:Conditions NotBefore="{start}" NotOnOrAfter="{end}">
    <saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>
  </saml:Conditions>
  <saml:AuthnStatement AuthnInstant="{start}" SessionIndex="_s1">
    <saml:AuthnContext>
      <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>
    </saml:AuthnContext>
  </saml:AuthnStatement>
  <saml:AttributeStatement>
    <saml:Attribute Name="mail">
      <saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema"
          xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">a@example.org</saml:AttributeValue>
    </saml:Attribute>
  </saml:AttributeStatement>
</saml:Assertion>"""


def sign(text, key, digest="sha256", cert=None):
    """Signs the assertion where its placeholder is."""
    root = etree.fromstring(text)
    method = ("rsa-" if isinstance(key, rsa.RSAPrivateKey) else "ecdsa-") + digest
    c14n = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
    signer = XMLSigner(signature_algorithm=method, digest_algorithm=digest, c14n_algorithm=c14n)
    signed = signer.sign(root, key=key, cert=cert, reference_uri=root.get("ID"), id_attribute="ID")
    return etree.tostring(signed).decode()


def main():
    question = json.load(sys.stdin)
    kind, digest, pem = question.pop("kind", "rsa"), question.pop("digest", "sha256"), question.pop("private_key", None)
    key = serialization.load_pem_private_key(pem.encode(), None) if pem else new_key(kind)
    xml = sign(assertion(**question), key, digest)
    answer = {"certificate": certificate(key), "jwk": jwk(key), "private_key": private_pem(key)}
    print(json.dumps({**answer, "assertion": b64url(xml.encode()), "xml": xml}))


if __name__ == "__main__":
    main()
