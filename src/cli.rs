//! The command line: what can be asked for, what is printed, what the exit code is. What is done lies behind [`Commands`].

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Flags};
use crate::domain::{Result, Tid};
use crate::tenancy::{Applied, ApplyOptions, TenantsFile, load};

/// A hosted, multi-tenant OAuth 2.0 / OpenID Connect authorisation platform.
#[derive(Debug, Parser)]
#[command(name = "tenure", version)]
pub struct Cli {
    /// The settings.
    #[command(flatten)]
    pub flags: Flags,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `tenure` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve,
    /// Bring the database's schema up to date
    Migrate,
    /// Write the OpenAPI documents under openapi/
    Openapi {
        /// Compare them with what is there instead
        #[arg(long)]
        check: bool,
    },
    /// Tenants: apply or check a file, list what is stored
    #[command(subcommand)]
    Tenants(TenantsCommand),
    /// Keys: rotate and list a tenant's, seal all under another master key
    #[command(subcommand)]
    Keys(KeysCommand),
    /// After a restore: make what was revoked or used since the back-up stay dead
    RestoreFinalize,
}

/// `tenure tenants`.
#[derive(Debug, Subcommand)]
pub enum TenantsCommand {
    /// Create and update the tenants of a file; nothing is deleted
    Apply {
        /// The tenants file
        file: PathBuf,
        /// Only tell what would be done
        #[arg(long)]
        dry_run: bool,
        /// Make deleted tenants of the file anew
        #[arg(long)]
        recreate: bool,
    },
    /// Tell everything that is wrong with a file
    Check {
        /// The tenants file
        file: PathBuf,
    },
    /// List the tenants in the store
    List,
}

/// `tenure keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Publish a new signing key and sign with it once all may know it
    Rotate {
        /// The tenant
        #[arg(value_parser = tid)]
        tid: Tid,
    },
    /// List the keys of a tenant
    List {
        /// The tenant
        #[arg(value_parser = tid)]
        tid: Tid,
    },
    /// Seal all root secrets under the new master key of a file
    Rewrap {
        /// File with the new master key: 32 bytes in base64url
        #[arg(long, value_name = "FILE")]
        new_master_key_file: PathBuf,
    },
}

/// What the commands do; each works on the store that the settings name and prints nothing.
pub trait Commands {
    /// Runs the server until it is told to stop.
    fn serve(&self, config: Config) -> impl Future<Output = Result<()>> + Send;
    /// Brings the schema up to date.
    fn migrate(&self, config: Config) -> impl Future<Output = Result<()>> + Send;
    /// Writes the API documents, or compares them.
    fn openapi(&self, check: bool) -> Result<()>;
    /// Applies a file.
    fn apply(
        &self,
        config: Config,
        file: TenantsFile,
        options: ApplyOptions,
    ) -> impl Future<Output = Result<Vec<Applied>>> + Send;
    /// A line for each tenant: id, issuer, state.
    fn list_tenants(&self, config: Config) -> impl Future<Output = Result<Vec<String>>> + Send;
    /// Rotates a tenant's signing key; gives the new key's id.
    fn rotate_keys(&self, config: Config, tid: Tid) -> impl Future<Output = Result<String>> + Send;
    /// A line for each key of a tenant: id, algorithm, state.
    fn list_keys(&self, config: Config, tid: Tid) -> impl Future<Output = Result<Vec<String>>> + Send;
    /// Seals all root secrets under another master key; gives their number.
    fn rewrap_keys(&self, config: Config, new_key_file: PathBuf) -> impl Future<Output = Result<u64>> + Send;
    /// Ends a restore; gives a line for the operator.
    fn finalize_restore(&self, config: Config) -> impl Future<Output = Result<String>> + Send;
}

/// Runs what the command line asks for; every failure is one message on standard error and exit code 1.
pub async fn run(cli: Cli, commands: &impl Commands) -> ExitCode {
    match dispatch(cli, commands).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("tenure: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli, commands: &impl Commands) -> Result<(), String> {
    let config = Config::try_from(cli.flags).map_err(told)?;
    match cli.command {
        Command::Serve => commands.serve(config).await.map_err(told),
        Command::Migrate => commands.migrate(config).await.map_err(told),
        Command::Openapi { check } => commands.openapi(check).map_err(told),
        Command::Tenants(command) => tenants(command, config, commands).await,
        Command::Keys(command) => keys(command, config, commands).await,
        Command::RestoreFinalize => commands.finalize_restore(config).await.map(print).map_err(told),
    }
}

async fn tenants(command: TenantsCommand, config: Config, commands: &impl Commands) -> Result<(), String> {
    match command {
        TenantsCommand::Apply { file, dry_run, recreate } => {
            let file = read(&file)?;
            let applied = commands.apply(config, file, ApplyOptions { dry_run, recreate }).await.map_err(told)?;
            if dry_run {
                println!("dry run, nothing was changed");
            }
            for one in applied {
                println!("{}: {}", one.tid, one.outcome);
            }
            Ok(())
        }
        TenantsCommand::Check { file } => {
            let file = read(&file)?;
            let clients: usize = file.tenants.iter().map(|tenant| tenant.clients.len()).sum();
            let users: usize = file.tenants.iter().map(|tenant| tenant.users.len()).sum();
            println!("no fault: {} tenant(s), {clients} client(s), {users} user(s)", file.tenants.len());
            Ok(())
        }
        TenantsCommand::List => commands.list_tenants(config).await.map(print_all).map_err(told),
    }
}

async fn keys(command: KeysCommand, config: Config, commands: &impl Commands) -> Result<(), String> {
    match command {
        KeysCommand::Rotate { tid } => commands.rotate_keys(config, tid).await.map(print).map_err(told),
        KeysCommand::List { tid } => commands.list_keys(config, tid).await.map(print_all).map_err(told),
        KeysCommand::Rewrap { new_master_key_file } => {
            let number = commands.rewrap_keys(config, new_master_key_file).await.map_err(told)?;
            println!("sealed {number} root secret(s) under the new master key: start the servers with it from now on");
            Ok(())
        }
    }
}

/// Reads a tenants file; what is questionable about it goes to standard error.
fn read(path: &Path) -> Result<TenantsFile, String> {
    let loaded = load(path).map_err(told)?;
    if let Some(warning) = loaded.warning {
        eprintln!("warning: {warning}");
    }
    Ok(loaded.file)
}

fn tid(text: &str) -> Result<Tid, &'static str> {
    Tid::parse(text).ok_or("not a tenant id: 1 to 63 lower-case letters, digits and hyphens")
}

fn told(error: impl fmt::Display) -> String {
    error.to_string()
}

fn print(line: impl fmt::Display) {
    println!("{line}");
}

fn print_all(lines: Vec<String>) {
    lines.into_iter().for_each(print);
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        for line in [["tenure", "--tenants", "t.toml", "serve"], ["tenure", "serve", "--tenants", "t.toml"]] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.flags.tenants.as_deref(), Some(Path::new("t.toml")), "{line:?}");
            assert_eq!(cli.flags.listen.to_string(), "127.0.0.1:8080");
        }
        let before = Cli::try_parse_from(["tenure", "--listen", "[::1]:1", "serve"]).unwrap();
        let after = Cli::try_parse_from(["tenure", "serve", "--listen", "[::1]:1"]).unwrap();
        assert_eq!(before.flags.listen, after.flags.listen);
        assert_eq!(before.flags.listen.to_string(), "[::1]:1");
    }

    #[test]
    fn every_command_of_the_contract_is_there() {
        for line in [
            "serve",
            "migrate",
            "openapi",
            "openapi --check",
            "tenants apply f.toml --dry-run --recreate",
            "tenants check f.toml",
            "tenants list",
            "keys rotate acme",
            "keys list acme",
            "keys rewrap --new-master-key-file k",
            "restore-finalize",
        ] {
            assert!(Cli::try_parse_from(["tenure"].into_iter().chain(line.split(' '))).is_ok(), "{line}");
        }
        for bad in ["", "tenants", "keys rotate", "keys rotate Acme", "serve --port 1", "tenants apply"] {
            let words = bad.split(' ').filter(|word| !word.is_empty());
            assert!(Cli::try_parse_from(["tenure"].into_iter().chain(words)).is_err(), "{bad}");
        }
    }
}
