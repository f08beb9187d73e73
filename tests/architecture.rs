//! The rules of the house that are rules and not habits: who may import whom, and how long a file may be.

use std::path::Path;

/// Layer → the layers of ours that it may import. A file directly in `src/` wires things together and may import all.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    // Secrets of a tenants file are typed from the moment they are read, and its keys are checked by who knows keys.
    ("tenancy", &["domain", "crypto"]),
    ("crypto", &["domain"]),
    ("cache", &["domain"]),
    ("store", &["domain"]),
    ("service", &["domain", "tenancy", "store", "cache", "crypto"]),
    ("http", &["domain", "tenancy", "service"]),
];

/// Crate → the one place that knows it.
const FOREIGN: &[(&str, &str)] = &[
    ("toml", "tenancy"),
    ("josekit", "crypto"),
    ("openssl", "crypto"),
    ("argon2", "crypto"),
    ("sha2", "crypto"),
    ("rand", "crypto"),
    ("moka", "cache"),
    ("sea_orm", "store"),
    ("entity", "store"),
    ("poem", "http"),
    ("poem_openapi", "http"),
    ("prometheus", "telemetry"),
    ("tracing_subscriber", "telemetry"),
];

/// The longest a source file may be, in lines.
const LONGEST: usize = 500;

#[test]
fn every_layer_imports_only_what_it_may() {
    let faults: Vec<_> = sources("src").iter().flat_map(|(path, text)| faults(path, text)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn entity_and_migration_import_nothing_of_ours() {
    for (folder, others) in [("entity", ["tenure", "migration"]), ("migration", ["tenure", "entity"])] {
        for (path, text) in sources(folder) {
            let found = others.iter().find(|other| !names_of_crate(&code(&text), other).is_empty());
            assert!(found.is_none(), "{path}: {folder} -> {found:?}");
        }
    }
}

#[test]
fn no_file_is_long() {
    for folder in ["src", "entity", "migration", "tests"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= LONGEST, "{path} has {lines} lines");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for folder in ["src", "entity", "migration", "tests"] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//!"), "{path} does not begin with a module comment");
        }
    }
}

#[test]
fn the_rule_finds_what_breaks_it() {
    let broken = [
        ("src/store/codes.rs", "use crate::service::Ctx;", "store -> service"),
        ("src/domain/token.rs", "use crate::{cache::Cache, domain::X};", "domain -> cache"),
        ("src/domain/token.rs", "fn f(c: &crate::crypto::Secret) {}", "domain -> crypto"),
        ("src/service/codes.rs", "use sea_orm::DbErr;", "service -> sea_orm"),
        ("src/http/mod.rs", "let x = sha2::Sha256::new();", "http -> sha2"),
        ("src/http/oauth/token.rs", "use crate::http::iam::wire;", "http/oauth -> http/iam"),
    ];
    for (path, text, fault) in broken {
        assert_eq!(faults(path, text), [format!("{path}: {fault}")]);
    }
    let right = [
        ("src/service/codes.rs", "use crate::{store::{Store, service}, telemetry};"),
        ("src/store/codes.rs", "// use crate::service::Ctx;"),
        ("src/http/oauth/token.rs", "use crate::http::reply::Reply; use poem::Request;"),
        ("src/app.rs", "use crate::service::Services; use poem::Server;"),
        ("src/domain/token.rs", "use crate::domain::tenant; let a = brand::x();"),
    ];
    for (path, text) in right {
        assert_eq!(faults(path, text), [] as [String; 0]);
    }
}

fn faults(path: &str, text: &str) -> Vec<String> {
    let parts: Vec<_> = path.split('/').collect();
    let [_, layer, rest @ ..] = parts.as_slice() else { return Vec::new() };
    let layer = layer.trim_end_matches(".rs");
    let code = code(text);
    let mut faults = Vec::new();
    if let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) {
        for imported in names_after(&code, "crate") {
            let fine = imported == layer || imported == "telemetry" || allowed.contains(&imported.as_str());
            if LAYERS.iter().any(|(name, _)| *name == imported) && !fine {
                faults.push(format!("{path}: {layer} -> {imported}"));
            }
        }
        let foreign = FOREIGN.iter().filter(|(name, home)| *home != layer && !names_of_crate(&code, name).is_empty());
        faults.extend(foreign.map(|(name, _)| format!("{path}: {layer} -> {name}")));
    }
    if let ("http", [family, _]) = (layer, rest) {
        let others = families().into_iter().filter(|other| other != family);
        let used = others.filter(|other| code.contains(&format!("http::{other}")));
        faults.extend(used.map(|other| format!("{path}: http/{family} -> http/{other}")));
    }
    faults.dedup();
    faults
}

/// The folders of `src/http`, and those that are to come.
fn families() -> Vec<String> {
    ["authz_store", "oauth", "authlete", "iam", "platform"].map(str::to_owned).into()
}

/// The text without its line comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The names that directly follow `root::`, also within braces.
fn names_after(code: &str, root: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in names_of_crate(code, root) {
        match rest.strip_prefix('{') {
            None => names.push(ident(rest)),
            Some(group) => names.extend(top_level(group)),
        }
    }
    names
}

/// What follows each `name::` that is a whole name and no part of a path.
fn names_of_crate<'a>(code: &'a str, name: &str) -> Vec<&'a str> {
    let pattern = format!("{name}::");
    let starts = code.match_indices(&pattern).filter(|(at, _)| {
        let before = code[..*at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric() && before != '_' && before != ':'
    });
    starts.map(|(at, found)| code[at + found.len()..].trim_start()).collect()
}

fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut fresh) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && depth == 0 && !c.is_whitespace() => {
                names.push(ident(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn ident(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found.sort();
    found
}
