#!/usr/bin/env python3
"""Mints SAML 2.0 bearer assertions with an implementation that is not ours (signxml).

    mint.py --kind rsa --issuer ISSUER --subject SUBJECT --audience AUDIENCE --recipient URL [--key FILE]

prints one JSON object: `certificate` (PEM) and `jwk` to configure, `assertion` (base64url) to send, and `xml`.
With --key the private key is kept in FILE, so that further assertions can be minted for the same configuration.
"""

import argparse
import base64
import datetime
import json
import os
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml import CanonicalizationMethod, XMLSigner

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
PLACEHOLDER = f'<ds:Signature xmlns:ds="{DSIG}" Id="placeholder"></ds:Signature>'


def new_key(kind):
    """A private key: rsa, rsa1024, p256, p384 or p521 (ec is p256)."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:] or 2048))
    curves = {"ec": ec.SECP256R1, "p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", default="rsa", choices=["rsa", "ec", "p256", "p384", "p521"])
    parser.add_argument("--digest", default="sha256", choices=["sha256", "sha384", "sha512"])
    for name in ("issuer", "subject", "audience", "recipient"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--now", type=int, default=int(datetime.datetime.now().timestamp()))
    parser.add_argument("--lifetime", type=int, default=300)
    parser.add_argument("--id")
    parser.add_argument("--key")
    args = parser.parse_args()
    if args.key and os.path.exists(args.key):
        with open(args.key, "rb") as file:
            key = serialization.load_pem_private_key(file.read(), None)
    else:
        key = new_key(args.kind)
        if args.key:
            with open(os.open(args.key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(private_pem(key))
    text = assertion(args.issuer, args.subject, args.audience, args.recipient, args.now, args.lifetime, args.id)
    xml = sign(text, key, args.digest)
    result = {"certificate": certificate(key), "jwk": jwk(key), "assertion": b64url(xml.encode()), "xml": xml}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
