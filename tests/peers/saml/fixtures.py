#!/usr/bin/env python3
"""Makes `fixtures/` anew: assertions signed by signxml and by xmlsec1, for the unit tests of src/crypto/saml.

Needs `tests/peers/install` (run it with target/peers/venv/bin/python) and Debian's xmlsec1. The private keys are thrown away.
"""

import copy
import json
import pathlib
import re
import subprocess
import tempfile

from lxml import etree

import mint
from mint import DSIG, SAML

HERE = pathlib.Path(__file__).parent / "fixtures"
NOW = 1_795_336_200  # 2026-11-22T08:30:00Z
CLAIMS = ("https://idp.example.org", "alice", "https://acme.example.com", "https://acme.example.com/token", NOW)
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
ENVELOPED = DSIG + "enveloped-signature"


def xmlsec1(text, key, method, digest="http://www.w3.org/2001/04/xmlenc#sha256", c14n=EXC, transforms=None, uri=None,
            references=1, extra=""):
    """Signs with xmlsec1 in any form, also such as Tenure refuses."""
    id = re.search(r' ID="([^"]+)"', text).group(1)
    transforms = transforms or f'<ds:Transform Algorithm="{ENVELOPED}"/><ds:Transform Algorithm="{EXC}"/>'
    reference = (f'<ds:Reference URI="{"#" + id if uri is None else uri}"><ds:Transforms>{transforms}</ds:Transforms>'
                 f'<ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference>')
    template = (f'<ds:Signature xmlns:ds="{DSIG}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}"/>'
                f'<ds:SignatureMethod Algorithm="{method}"/>{reference * references}</ds:SignedInfo>'
                f'<ds:SignatureValue/>{extra}</ds:Signature>')
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "in.xml").write_text(text.replace(mint.PLACEHOLDER, template))
        option = "--hmackey" if isinstance(key, bytes) else "--privkey-pem"
        (folder / "key").write_bytes(key if isinstance(key, bytes) else mint.private_pem(key).encode())
        command = ["xmlsec1", "--sign", "--id-attr:ID", f"{SAML}:Assertion", option, folder / "key", folder / "in.xml"]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def wrapped(signed):
    """The eight wrappings of Somorovsky et al. ("On Breaking SAML"), and some that keep the root an assertion."""
    root = etree.fromstring(signed)
    def stripped(element):
        cut = element.find(f"{{{DSIG}}}Signature")
        cut.getprevious().tail = (cut.getprevious().tail or "") + (cut.tail or "")
        element.remove(cut)
        return element
    def evil():
        copied = stripped(copy.deepcopy(root))
        copied.set("ID", "_evil")
        copied.find(f"{{{SAML}}}Subject/{{{SAML}}}NameID").text = "mallory"
        return copied
    def original(strip=False):
        return stripped(copy.deepcopy(root)) if strip else copy.deepcopy(root)
    def signature():
        copied = copy.deepcopy(root.find(f"{{{DSIG}}}Signature"))
        copied.tail = None
        return copied
    def response(*children, id="_response"):
        samlp = "urn:oasis:names:tc:SAML:2.0:protocol"
        element = etree.Element(f"{{{samlp}}}Response", nsmap={"samlp": samlp}, ID=id, Version="2.0")
        element.extend(children)
        return element
    def with_object(sig, *inside):
        etree.SubElement(sig, f"{{{DSIG}}}Object").extend(inside)
        return sig
    def put(parent, child, at=1):
        parent.insert(at, child)
        return parent
    def extensions(*inside):
        element = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
        element.extend(inside)
        return element
    yield "xsw1", response(evil(), with_object(signature(), original(strip=True)))
    yield "xsw2", response(signature(), original(strip=True), evil())
    yield "xsw3", response(evil(), original())
    yield "xsw4", response(put(evil(), original(), len(evil())))
    yield "xsw5", response(put(evil(), signature()), original(strip=True))
    yield "xsw6", response(put(evil(), with_object(signature(), original(strip=True))))
    yield "xsw7", response(extensions(original()), evil())
    yield "xsw8", response(evil(), with_object(signature(), original()))
    # The root is an assertion all the same.
    yield "xsw3_root", put(evil(), original(), len(evil()))
    yield "xsw4_root", put(put(evil(), signature()), original(strip=True), len(evil()))
    yield "xsw6_root", put(evil(), with_object(signature(), original(strip=True)))
    yield "xsw_first_child", put(evil(), original(), 0)
    same = put(put(evil(), signature()), original(strip=True), len(evil()))
    same.set("ID", root.get("ID"))
    yield "xsw_copied_id", same
    advice = etree.Element(f"{{{SAML}}}Advice")
    advice.append(original())
    yield "xsw_advice", put(evil(), advice, 3)


def save(name, text):
    (HERE / name).write_text(text)


def main():
    HERE.mkdir(exist_ok=True)
    keys = {kind: mint.new_key(kind) for kind in ("rsa", "p256", "p384", "p521")}
    for kind, key in keys.items():
        save(f"{kind}.crt", mint.certificate(key))
        save(f"{kind}.jwk.json", json.dumps(mint.jwk(key), indent=1) + "\n")
    save("rsa1024.crt", mint.certificate(mint.new_key("rsa1024")))
    save("other.crt", mint.certificate(mint.new_key("rsa")))
    plain = mint.assertion(*CLAIMS, id="_a1")
    for kind in keys:
        for digest in ("sha256", "sha384", "sha512"):
            save(f"good_{kind}_{digest}.xml", mint.sign(plain, keys[kind], digest))
    rsa, p256 = keys["rsa"], keys["p256"]
    inclusive = f'<ds:Transform Algorithm="{EXC}"><ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="%s"/></ds:Transform>'
    prefixed = plain.replace("<saml:Assertion ", '<saml:Assertion xmlns="urn:x" xmlns:a="urn:a" ')
    listed = f'<ds:Transform Algorithm="{ENVELOPED}"/>' + inclusive % "xs a  #default"
    save("good_rsa_prefixes.xml", xmlsec1(prefixed, rsa, MORE + "rsa-sha256", transforms=listed))
    # KeyInfo with a certificate of someone else must change nothing.
    save("good_rsa_keyinfo.xml", mint.sign(plain, rsa, cert=(HERE / "other.crt").read_text()))
    save("good_rsa_xmlsec1.xml", xmlsec1(plain, rsa, MORE + "rsa-sha256"))
    default = plain.replace("saml:", "").replace("xmlns:saml", "xmlns")
    save("good_p256_xmlsec1_default_namespace.xml", xmlsec1(default, p256, MORE + "ecdsa-sha256"))
    odd = plain.replace("alice", "al&amp;&#x69;ce&#233; ü€𐍈 &gt; \"'").replace("SessionIndex=\"_s1\"",
        "SessionIndex='a&#9;b&#10;c&#13;d\te&quot;f'").replace("a@example.org", "a&#13;\n b]] &#x1F600;")
    save("good_rsa_xmlsec1_odd.xml", xmlsec1(odd, rsa, MORE + "rsa-sha256"))
    save("good_rsa_xmlsec1_crlf.xml", xmlsec1(plain, rsa, MORE + "rsa-sha256").replace("\n", "\r\n"))

    # Rightly signed, in forms that are not accepted.
    rsa256 = MORE + "rsa-sha256"
    transform = '<ds:Transform Algorithm="%s"/>'
    good = transform % ENVELOPED + transform % EXC
    xpath = ('<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>'
             'not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>')
    subject_only = ('<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath xmlns:saml="%s">'
                    'ancestor-or-self::saml:Conditions</ds:XPath></ds:Transform>' % SAML)
    inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    bad = {
        "rsa_sha1": dict(method=DSIG + "rsa-sha1"),
        "digest_sha1": dict(method=rsa256, digest=DSIG + "sha1"),
        "digest_md5": dict(method=rsa256, digest=MORE + "md5"),
        "c14n_inclusive": dict(method=rsa256, c14n=inclusive),
        "c14n_comments": dict(method=rsa256, c14n=EXC + "WithComments"),
        "transform_inclusive": dict(method=rsa256, transforms=transform % ENVELOPED + transform % inclusive),
        "transform_comments": dict(method=rsa256, transforms=transform % ENVELOPED + transform % (EXC + "WithComments")),
        "transform_enveloped_only": dict(method=rsa256, transforms=transform % ENVELOPED),
        "transform_twice": dict(method=rsa256, transforms=good + transform % EXC),
        "transform_xpath": dict(method=rsa256, transforms=xpath + transform % EXC),
        "transform_xpath_part": dict(method=rsa256, transforms=subject_only + transform % EXC),
        "whole_document": dict(method=rsa256, uri=""),
        "xpointer": dict(method=rsa256, uri="#xpointer(id('_a1'))"),
        "two_references": dict(method=rsa256, references=2),
        "object": dict(method=rsa256, extra="<ds:Object>x</ds:Object>"),
    }
    for name, options in bad.items():
        save(f"form_{name}.xml", xmlsec1(plain, rsa, **options))
    public = (HERE / "rsa.crt").read_bytes()
    save("form_hmac_with_certificate.xml", xmlsec1(plain, public, MORE + "hmac-sha256"))
    late = plain.replace(mint.PLACEHOLDER, "").replace("</saml:Assertion>", mint.PLACEHOLDER + "</saml:Assertion>")
    save("form_signature_last.xml", xmlsec1(late, rsa, rsa256))
    comment = plain.replace("alice", "alice<!-- -->.evil")
    save("form_comment_in_subject.xml", xmlsec1(comment, rsa, rsa256))
    for name, element in wrapped((HERE / "good_rsa_sha256.xml").read_text()):
        save(f"{name}.xml", etree.tostring(element).decode())


if __name__ == "__main__":
    main()
