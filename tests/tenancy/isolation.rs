//! Every statement on a tenant's rows starts from the tenant: read off the code, so that a new one is covered by construction.

use std::fs;
use std::path::{Path, PathBuf};

/// Tables whose rows belong to a tenant: all that `entity` knows with a `tenant_id`, but the directory.
fn tenant_tables() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("entity/src");
    let mut tables = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if text.contains("pub tenant_id: i64") && name != "tenant_name" {
            tables.push(name);
        }
    }
    tables
}

fn sources(under: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The string literals of a source that hold a statement.
fn statements(text: &str) -> Vec<String> {
    let starts = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];
    let literals = text.split('"').skip(1).step_by(2);
    literals.filter(|l| starts.iter().any(|s| l.trim_start().starts_with(s))).map(str::to_owned).collect()
}

/// What may look at rows of more than one tenant: the operators' directory, and the upkeep that asks whose turn it is.
const ACROSS: [&str; 7] = [
    "FROM tenant ",
    "FROM tenant_name ",
    "JOIN tenant ",
    "SELECT DISTINCT tenant_id",
    "platform_state",
    "change_log",
    "COALESCE(SUM(CASE WHEN signs_from",
];

#[test]
fn every_statement_on_a_tenants_rows_names_the_tenant() {
    let tables = tenant_tables();
    assert!(tables.len() >= 15, "the tables were not found: {tables:?}");
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store"), &mut files);
    let (mut seen, mut faults) = (0, Vec::new());
    for file in files {
        for statement in statements(&fs::read_to_string(&file).unwrap()) {
            let touches = |table: &String| {
                ["FROM ", "INTO ", "UPDATE ", "JOIN "].iter().any(|word| {
                    let name = format!("{word}{table}");
                    statement.match_indices(&name).any(|(at, _)| {
                        !statement[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
                    })
                })
            };
            if !tables.iter().any(touches) || ACROSS.iter().any(|known| statement.contains(known)) {
                continue;
            }
            seen += 1;
            let bound = statement.contains("tenant_id = $1")
                || statement.contains("(tenant_id,")
                || statement.contains("(tenant_id ");
            if !bound {
                faults.push(format!("{}: {statement}", file.display()));
            }
        }
    }
    assert!(seen > 60, "only {seen} statements were found");
    assert!(faults.is_empty(), "not bound to a tenant:\n{}", faults.join("\n"));
}
