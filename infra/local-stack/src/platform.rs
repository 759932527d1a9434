//! What differs by machine: the binaries' platform, who is running, and where things may be kept.

use std::path::PathBuf;

use nix::unistd::{Uid, User};

use crate::error::{Result, StackError};

/// The user that PostgreSQL runs as where the stack is started by root. `nobody` exists on every Unix, so that all
/// machines behave alike; a `postgres` user may exist too, but then it may own a server of the system's.
const UNPRIVILEGED: &str = "nobody";

/// The platform part of the PostgreSQL artifact's name.
pub(crate) fn postgres_platform() -> Result<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-amd64"),
        ("linux", "aarch64") => Ok("linux-arm64v8"),
        ("macos", "x86_64") => Ok("darwin-amd64"),
        ("macos", "aarch64") => Ok("darwin-arm64v8"),
        (os, arch) => Err(StackError::PlatformUnsupported { os, arch }),
    }
}

/// The archive inside that artifact.
pub(crate) fn postgres_archive(platform: &str) -> &'static str {
    match platform {
        "linux-amd64" => "postgres-linux-x86_64.txz",
        "linux-arm64v8" => "postgres-linux-arm_64.txz",
        "darwin-amd64" => "postgres-darwin-x86_64.txz",
        _ => "postgres-darwin-arm_64.txz",
    }
}

/// The user to run PostgreSQL as: none for everybody but root, since PostgreSQL refuses to run as root.
pub(crate) fn unprivileged_user() -> Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let missing = StackError::NoUnprivilegedUser { name: UNPRIVILEGED };
    match User::from_name(UNPRIVILEGED) {
        Ok(Some(user)) => Ok(Some(user)),
        Ok(None) | Err(_) => Err(missing),
    }
}

/// Where what was fetched is kept, shared by all checkouts of a user: `$TRIBUTARY_CACHE`, else
/// `$XDG_CACHE_HOME/tributary`, else `~/.cache/tributary`.
pub fn cache_dir() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(dir) = set("TRIBUTARY_CACHE") {
        return PathBuf::from(dir);
    }
    if let Some(dir) = set("XDG_CACHE_HOME") {
        return PathBuf::from(dir).join("tributary");
    }
    let home = set("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
    home.join(".cache/tributary")
}

/// Where root keeps what an unprivileged user must reach, who can't enter root's home.
pub(crate) fn open_to_all() -> PathBuf {
    PathBuf::from("/var/tmp")
}
