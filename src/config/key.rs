//! Where the master key comes from: a setting, a file, or a new file beside the SQLite database.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::{Config, ConfigError};
use crate::crypto::seal::MasterKey;
use crate::crypto::secret::{b64url, random};
use crate::tenancy::load::is_open;

const SETTING: &str = "TENURE_MASTER_KEY";
const FILE_SETTING: &str = "TENURE_MASTER_KEY_FILE";

/// The master key, and what its owner should know about where it lies.
#[derive(Debug)]
pub struct LoadedKey {
    /// The key.
    pub key: MasterKey,
    /// A line for the log.
    pub warning: Option<String>,
}

impl Config {
    /// The master key, from its setting or from the file beside the SQLite file; `None` where that file is still to be made.
    /// PostgreSQL needs the setting, as its database is shared by replicas that share no folder.
    ///
    /// # Errors
    ///
    /// A key that is missing, can't be read or isn't 32 bytes of base64url.
    pub fn load_master_key(&self) -> Result<Option<LoadedKey>, ConfigError> {
        if let Some(key) = &self.master_key {
            return Ok(Some(LoadedKey { key: parse(key.expose(), SETTING)?, warning: None }));
        }
        if let Some(path) = &self.master_key_file {
            return read(path, FILE_SETTING).map(Some);
        }
        let path = self.key_file()?;
        if path.exists() { read(&path, SETTING).map(Some) } else { Ok(None) }
    }

    /// Makes the file of the master key beside the SQLite file, unless somebody else has meanwhile.
    ///
    /// # Errors
    ///
    /// When there is no place for it, it can't be made, or `is_sealed`: what a database holds already is sealed under another.
    pub fn make_master_key(&self, is_sealed: bool) -> Result<LoadedKey, ConfigError> {
        let path = self.key_file()?;
        if is_sealed && !path.exists() {
            let gone = format!("{} is gone, and this database can't be read without it: put it back", path.display());
            return Err(ConfigError::new(SETTING, gone));
        }
        beside(&path)
    }

    fn key_file(&self) -> Result<PathBuf, ConfigError> {
        let database = self.sqlite_file().ok_or_else(|| {
            ConfigError::new(SETTING, "is required with this database: 32 random bytes in base64url, for instance from `openssl rand 32 | basenc --base64url | tr -d =`")
        })?;
        let mut path = database.into_os_string();
        path.push(".key");
        Ok(path.into())
    }

    /// The file of an SQLite database.
    fn sqlite_file(&self) -> Option<PathBuf> {
        let path = self.database_url.expose().strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let path = percent_decode_str(path).decode_utf8().ok()?;
        (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path.as_ref()))
    }
}

fn beside(path: &Path) -> Result<LoadedKey, ConfigError> {
    let shown = path.display();
    let created = create(path).map_err(|error| ConfigError::new(SETTING, format!("can't make {shown}: {error}")))?;
    let mut loaded = read(path, SETTING)?;
    if created {
        loaded.warning = Some(format!(
            "made a master key in {shown}: back it up apart from the database; without it the database can't be read"
        ));
    }
    Ok(loaded)
}

fn read(path: &Path, setting: &'static str) -> Result<LoadedKey, ConfigError> {
    let shown = path.display();
    let unreadable = |error: io::Error| ConfigError::new(setting, format!("can't read {shown}: {error}"));
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(unreadable)?;
    let open = is_open(path).map_err(unreadable)?;
    let warning = open.then(|| format!("others than its owner may read the master key in {shown}: chmod 600"));
    Ok(LoadedKey { key: parse(&text, setting)?, warning })
}

fn parse(text: &str, setting: &'static str) -> Result<MasterKey, ConfigError> {
    MasterKey::parse(text).ok_or_else(|| ConfigError::new(setting, "expected 32 bytes in base64url, 43 characters"))
}

/// Makes a key file unless there is one; it appears whole or not at all, whoever else starts at the same time.
fn create(path: &Path) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", b64url(&random::<8>())));
    let draft = PathBuf::from(draft);
    let written = write(&draft).and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match written {
        Ok(()) => sync_folder(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn write(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(MasterKey::generate().expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
