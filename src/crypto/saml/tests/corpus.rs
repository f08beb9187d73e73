//! The differential corpus: nothing that xmlsec1 refuses may be accepted (see `tests/peers/saml/differential.py`).

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use super::{certificate, verify_with};
use crate::crypto::saml::SamlKey;

struct Judged {
    name: String,
    /// By xmlsec1.
    accepted_there: bool,
    /// The subject, or why not.
    here: Result<String, String>,
}

/// Judges every document of a folder. Names begin with the key's (`rsa-…`, `p256-…`); `xmlsec1.tsv` has its verdicts.
fn judge(folder: &Path) -> Vec<Judged> {
    let keys: BTreeMap<&str, SamlKey> = ["rsa", "p256"].map(|name| (name, certificate(&format!("{name}.crt")))).into();
    let verdicts = fs::read_to_string(folder.join("xmlsec1.tsv")).expect("xmlsec1.tsv");
    let judged = verdicts.lines().map(|line| {
        let (name, verdict) = line.split_once('\t').expect("name, tab, verdict");
        let key = keys.get(name.split('-').next().unwrap_or_default()).expect("a key's name");
        // What is not UTF-8 can't be in a string; verify() refuses it as such.
        let here = match String::from_utf8(fs::read(folder.join(name)).expect(name)) {
            Ok(xml) => {
                verify_with(&xml, std::slice::from_ref(key)).map(|it| it.subject).map_err(|fault| fault.to_string())
            }
            Err(_) => Err("not UTF-8".to_owned()),
        };
        Judged { name: name.to_owned(), accepted_there: verdict == "ok", here }
    });
    judged.collect()
}

/// The names of what is accepted here alone.
fn accepted_here_alone(judged: &[Judged]) -> Vec<&str> {
    judged.iter().filter(|it| it.here.is_ok() && !it.accepted_there).map(|it| it.name.as_str()).collect()
}

#[test]
fn nothing_is_accepted_that_xmlsec1_refuses() {
    // A fresh corpus, when differential.py has made one: what is found is left beside it.
    if let Some(fresh) = std::env::var_os("TENURE_SAML_CORPUS") {
        let judged = judge(Path::new(&fresh));
        let lines = judged.iter().fold(String::new(), |mut lines, it| {
            let here = it.here.as_ref().map_or_else(Clone::clone, |subject| format!("accepted\t{subject}"));
            writeln!(lines, "{}\t{here}", it.name).expect("a string");
            lines
        });
        fs::write(Path::new(&fresh).join("tenure.tsv"), lines).expect("tenure.tsv");
        assert_eq!(accepted_here_alone(&judged), Vec::<&str>::new());
        return;
    }
    let judged = judge(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/saml/corpus"));
    assert_eq!(accepted_here_alone(&judged), Vec::<&str>::new());
    let accepted = judged.iter().filter(|it| it.here.is_ok()).count();
    assert!(judged.len() >= 50 && accepted >= 10, "{} documents, {accepted} accepted", judged.len());
}
