#!/usr/bin/env python3
"""Differential fuzz of the SAML verifier against xmlsec1: what xmlsec1 refuses, Tenure must never accept.

    differential.py [--count 3000] [--seed 1]      mutate the fixtures, judge them with both, compare
    differential.py --commit                       the same, then keep one mutant of each kind in corpus/

Tenure's side is a unit test (`nothing_is_accepted_that_xmlsec1_refuses`) that judges the folder TENURE_SAML_CORPUS. For
what both accept, the subject Tenure read must be the one lxml finds under the root. Refusing more than xmlsec1 is right:
it is shown by reason, and it is why the table is printed. Needs `tests/peers/install`,
xmlsec1 and cargo.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

from lxml import etree

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE / "fixtures"
ROOT = HERE.parents[2]
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
SEEDS = ["good_rsa_sha256", "good_rsa_xmlsec1", "good_rsa_prefixes", "good_rsa_xmlsec1_odd", "good_rsa_keyinfo",
         "good_p256_sha256", "good_p256_xmlsec1_default_namespace"]
# Pieces that matter to an XML parser, to canonicalisation or to a signature.
PIECES = ["<!-- -->", "<![CDATA[x]]>", "<?x y?>", "&#x41;", "&#65;", "&amp;", "&apos;", "&#13;", "&#10;", "&#9;", "\r", "\r\n",
          "\t", "\n", " ", "\u00a0", "\u2028", "\u0085", "\ufeff", "\x00", "\x0b", "]]>", "'", '"', "<", ">", "/>", "=", "<a/>", "<a></a>",
          ' xmlns="urn:x"', ' xmlns=""', ' xmlns:x="urn:x"', ' xmlns:saml="urn:x"', ' xmlns:ds="urn:x"', ' xml:lang="en"',
          ' xml:space="preserve"', ' xml:id="_a1"', ' xml:base="urn:b"', ' ID="_a1"', ' Id="_a1"', ' a="&#32;b "', ' b:a="" xmlns:b="urn:b"',
          "\u00e9", "e\u0301", "\U00010348", "=", "A", "/", "+", "#", ":", "&", ";"]


def tag_spots(text):
    """Places inside start tags, just before their end."""
    return [m.end(1) for m in re.finditer(r"<([A-Za-z:]+(?:\s[^<>]*?)?)/?>", text)]


def between_spots(text):
    return [m.end() for m in re.finditer(r">", text)]


def insert(rng, text, spots, pieces):
    at = rng.choice(spots or [0])
    return text[:at] + rng.choice(pieces) + text[at:]


def mutate_byte(rng, text):
    data = bytearray(text.encode())
    at = rng.randrange(len(data))
    choice = rng.randrange(3)
    if choice == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif choice == 1:
        del data[at:at + rng.choice([1, 1, 2, 8])]
    else:
        data[at:at] = data[at:at + rng.choice([1, 4, 16])]
    return bytes(data)


def in_start_tag(rng, text):
    return insert(rng, text, tag_spots(text), [p for p in PIECES if p[0] in " \t\n\r"])


def between_tags(rng, text):
    return insert(rng, text, between_spots(text), PIECES)


def anywhere(rng, text):
    return insert(rng, text, range(len(text)), PIECES)


def same_meaning(rng, text):
    """Changes that a canonical form undoes, some of them at once."""
    for _ in range(rng.randrange(1, 4)):
        choice = rng.randrange(8)
        if choice == 0:
            text = re.sub(r'([A-Za-z]+)="([^"\'<&]*)"', lambda m: f"{m[1]}='{m[2]}'" if rng.random() < 0.3 else m[0], text)
        elif choice == 1:
            text = insert(rng, text, tag_spots(text), [' xmlns:unused="urn:u"', "  ", "\n", '\t\r\n'])
        elif choice == 2:
            text = re.sub(r"/>", lambda m: " />" if rng.random() < 0.3 else m[0], text)
        elif choice == 3:
            text = re.sub(r"<([\w:]+)([^<>]*)/>", lambda m: f"<{m[1]}{m[2]}></{m[1]}>", text, count=1)
        elif choice == 4:
            at = [m.start(1) for m in re.finditer(r">[^<]*?([A-Za-z0-9])[^<]*<", text)]
            at = rng.choice(at)
            text = text[:at] + rng.choice([f"&#{ord(text[at])};", f"&#x{ord(text[at]):X};", f"&#x{ord(text[at]):06x};"]) + text[at + 1:]
        elif choice == 5:
            text = text.replace("\n", "\r\n") if "\r" not in text else text
        elif choice == 6:
            text = re.sub(r"</([\w:]+)>", lambda m: f"</{m[1]} >" if rng.random() < 0.2 else m[0], text)
        else:
            def swap(m):
                attributes = re.findall(r'\s+[\w:]+="[^"]*"', m[2])
                rng.shuffle(attributes)
                return m[1] + "".join(attributes) + m[3]
            text = re.sub(r'(<[\w:]+)((?:\s+[\w:]+="[^"]*")+)(\s*/?>)', swap, text)
    return text


def structure(rng, text):
    """Elements copied, moved, removed, renamed."""
    root = etree.fromstring(text.encode())
    nodes = [n for n in root.iter() if isinstance(n.tag, str) and n is not root]
    node, other = rng.choice(nodes), rng.choice([root] + nodes)
    choice = rng.randrange(6)
    if choice == 0:
        other.insert(rng.randrange(len(other) + 1), etree.fromstring(etree.tostring(node, with_tail=False)))
    elif choice == 1 and other not in list(node.iter()):
        other.insert(rng.randrange(len(other) + 1), node)
    elif choice == 2:
        node.getparent().remove(node)
    elif choice == 3:
        node.tag = rng.choice(["{urn:x}", "{%s}" % SAML, "{%s}" % DSIG, ""]) + etree.QName(node).localname
    elif choice == 4:
        wrapper = etree.Element(rng.choice(["{%s}Assertion" % SAML, "{%s}Object" % DSIG, "{urn:x}x"]))
        wrapper.append(root)
        return etree.tostring(wrapper).decode()
    else:
        node.text, node.tail = node.tail, node.text
    return etree.tostring(root).decode()


def prolog(rng, text):
    return rng.choice(['<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n', "\n", "<!-- x -->",
                       '<?xml version="1.1"?>', '<?xml version="1.0" encoding="ISO-8859-1"?>', "<!DOCTYPE a>", "\ufeff", "<?x?>",
                       '<!DOCTYPE a [<!ENTITY x "alice">]>', '<!DOCTYPE a [<!ATTLIST a b CDATA "c">]>', "x"]) + text


def base64_value(rng, text):
    spots = [i for m in re.finditer(r"<ds:(?:DigestValue|SignatureValue)>([^<]*)<", text) for i in range(m.start(1), m.end(1) + 1)]
    return insert(rng, text, spots, ["\n", " ", "\t", "\r\n", "=", "A", "AAAA", "-", "_", ".", "&#10;", "&#61;", "<a/>", "\u00a0", "\x0b"])


def attribute_value(rng, text):
    spots = [i for m in re.finditer(r'="([^"]*)"', text) for i in range(m.start(1), m.end(1) + 1)]
    return insert(rng, text, spots, PIECES + ["\t", "\n", "\r\n", "  "])


MUTATIONS = [mutate_byte, in_start_tag, between_tags, anywhere, same_meaning, same_meaning, structure, prolog, base64_value, attribute_value]


def verdict(path):
    # Key names only: xmlsec1 would read the unsigned KeyInfo otherwise, and refuse for what it can't read in there.
    command = ["xmlsec1", "--verify", "--enabled-key-data", "key-name", "--id-attr:ID", f"{SAML}:Assertion", "--pubkey-cert-pem", FIXTURES / f"{path.name.split('-')[0]}.crt", path]
    return "ok" if subprocess.run(command, capture_output=True).returncode == 0 else "refused"


def generate(folder, count, seed):
    rng = random.Random(seed)
    for n in range(count):
        name = rng.choice(SEEDS)
        text = (FIXTURES / f"{name}.xml").read_bytes().decode()
        mutation = rng.choice(MUTATIONS)
        result = mutation(rng, text)
        # Some mutants of mutants: small changes that hide each other.
        if rng.random() < 0.2 and isinstance(result, str):
            try:
                result = same_meaning(rng, result)
            except IndexError:
                pass
        data = result if isinstance(result, bytes) else result.encode()
        (folder / f"{name.split('_')[1]}-{n:05}-{mutation.__name__}.xml").write_bytes(data)


def judge(folder):
    paths = sorted(folder.glob("*.xml"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = dict(zip((path.name for path in paths), pool.map(verdict, paths)))
    (folder / "xmlsec1.tsv").write_text("".join(f"{name}\t{said}\n" for name, said in verdicts.items()))
    command = ["cargo", "test", "--quiet", "--locked", "--lib", "crypto::saml::tests::corpus"]
    environment = {**os.environ, "TENURE_SAML_CORPUS": str(folder)}
    test = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if not (folder / "tenure.tsv").exists():
        sys.exit(test.stdout + test.stderr)
    lines = (folder / "tenure.tsv").read_text().splitlines()
    return verdicts, dict(line.split("\t", 1) for line in lines)


def compare(folder, verdicts, tenure):
    table, faults = collections.Counter(), []
    for name, theirs in verdicts.items():
        ours, *subject = tenure[name].split("\t")
        table[(theirs, ours)] += 1
        if ours != "accepted":
            continue
        if theirs != "ok":
            faults.append(f"{name}: accepted, refused by xmlsec1")
            continue
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        seen = etree.parse(folder / name, parser).getroot().find(f"{{{SAML}}}Subject/{{{SAML}}}NameID").text
        if [seen] != subject:
            faults.append(f"{name}: the subject differs")
    for (theirs, ours), n in sorted(table.items(), key=lambda item: -item[1]):
        print(f"{n:6}  xmlsec1 {theirs:8} tenure {ours}")
    return faults


def commit(folder, verdicts, tenure):
    """Keeps the first mutant of each (mutation, verdict, reason, changed length)."""
    target, kept, lines = HERE / "corpus", collections.Counter(), []
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name, theirs in verdicts.items():
        key, _, mutation = name[:-4].split("-")
        kind = (mutation, theirs, tenure[name].split("\t")[0])
        kept[kind] += 1
        if kept[kind] <= (3 if kind[2] == "accepted" else 1):
            shutil.copy(folder / name, target / name)
            lines.append(f"{name}\t{theirs}\n")
    (target / "xmlsec1.tsv").write_text("".join(lines))
    print(f"kept {len(lines)} in {target.relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commit", action="store_true")
    parser.add_argument("--keep", help="a folder to leave the mutants and verdicts in")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        generate(folder, args.count, args.seed)
        verdicts, tenure = judge(folder)
        faults = compare(folder, verdicts, tenure)
        if args.keep:
            shutil.copytree(folder, args.keep)
        if args.commit and not faults:
            commit(folder, verdicts, tenure)
    print(*faults, sep="\n", file=sys.stderr)
    accepted = sum(said.startswith("accepted") for said in tenure.values())
    print(f"{len(verdicts)} documents, {accepted} accepted by both, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
