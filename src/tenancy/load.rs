//! Reading a tenants file from disk.

use std::fs;
use std::io;
use std::path::Path;

use super::fault::Fault;
use super::file::{self, TenantsFile};

/// A tenants file that was read.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub file: TenantsFile,
    /// What is wrong with the file itself though not with its text.
    pub warning: Option<String>,
}

/// Why a tenants file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("can't read the tenants file: {0}")]
    Unreadable(#[from] io::Error),
    /// The text has faults: all of them, one a line.
    #[error("the tenants file has {} fault(s), nothing was applied:\n{}", .0.len(), lines(.0))]
    Faulty(Vec<Fault>),
}

/// Reads and checks the file at `path`.
///
/// # Errors
///
/// That it can't be read, or all its faults.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    let text = fs::read_to_string(path)?;
    let file = file::parse(&text).map_err(LoadError::Faulty)?;
    let warning = (has_secrets(&file) && is_open(path)?)
        .then(|| "the tenants file holds secrets in clear and others than its owner may read it: chmod 600".to_owned());
    Ok(Loaded { file, warning })
}

/// Whether a secret stands in the file in clear.
fn has_secrets(file: &TenantsFile) -> bool {
    file.tenants.iter().any(|tenant| {
        tenant.settings.keys.jwks.is_some()
            || tenant.settings.password_hook.as_ref().is_some_and(|hook| hook.token.is_some())
            || tenant.clients.iter().any(|client| client.client_secret.is_some())
            || tenant.users.iter().any(|user| user.password.is_some())
    })
}

/// Whether anyone but its owner has a right on the file.
#[cfg(unix)]
pub(crate) fn is_open(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Whether anyone but its owner has a right on the file: not told by a mode here.
#[cfg(not(unix))]
pub(crate) fn is_open(_: &Path) -> io::Result<bool> {
    Ok(false)
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn load_with_mode(text: &str, mode: u32) -> Result<Loaded, LoadError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenants.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        load(&path)
    }

    const BARE: &str = "[[tenant]]\nid = \"a\"\nissuer = \"https://a.example.com\"\n";

    #[test]
    fn a_file_with_secrets_that_others_can_read_is_warned_of() {
        let with_secret = format!("{BARE}[[tenant.user]]\nusername = \"u\"\npassword = \"p\"\n");
        assert!(load_with_mode(&with_secret, 0o644).unwrap().warning.is_some_and(|text| text.contains("chmod 600")));
        assert!(load_with_mode(&with_secret, 0o600).unwrap().warning.is_none());
        assert!(load_with_mode(BARE, 0o644).unwrap().warning.is_none());
    }

    #[test]
    fn every_fault_has_its_line() {
        let error = load_with_mode("x = 1\ny = 2\n", 0o600).unwrap_err();
        assert_eq!(error.to_string().lines().count(), 3, "{error}");
        assert!(matches!(load(Path::new("no/such/file")), Err(LoadError::Unreadable(_))));
    }
}
