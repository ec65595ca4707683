//! The directory of an authority's keys.

use super::{
    AuthorityKeys, Passphrase, PublicKeys, Secret,
    error::KeysError,
    file::{KeyFile, check_mode},
    role::{PublicPart, Role},
    seal::random,
};
use mfenx_chainspec::peer_key;
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

/// Makes four keys in `directory`, which must be empty or new; with a passphrase they are
/// encrypted, and never stand on the disk in the clear.
///
/// # Errors
/// The directory holds something, or cannot be written.
pub fn new(directory: &Path, passphrase: Option<&Passphrase>) -> Result<PublicKeys, KeysError> {
    let failed = |source| KeysError::File { path: directory.into(), source };
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_dir(directory).map_err(failed)?.next().is_some() {
                return Err(KeysError::NotEmpty { path: directory.into() });
            }
            check_directory(directory)?;
        }
        created => created.map_err(failed)?,
    }
    // All of them are made before the first is written: what can fail has failed by then.
    let make = |role| KeyFile::make(directory, role, random()?, passphrase);
    let files = Role::ALL.into_iter().map(make).collect::<Result<Vec<_>, _>>()?;
    files.iter().try_for_each(KeyFile::write_new)?;
    sync(directory)?;
    if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync(parent)?;
    }
    public_of(&files)
}

/// The public parts of the keys in `directory`, for which no passphrase is needed.
///
/// # Errors
/// A file is missing, malformed, in the place of another, or open to others.
pub fn public(directory: &Path) -> Result<PublicKeys, KeysError> {
    public_of(&read_all(directory)?)
}

/// The keys that a running authority needs. The secret of the operator is not among them and not
/// decrypted.
///
/// # Errors
/// As [`public`]; and the passphrase is missing or wrong.
pub fn load(directory: &Path, passphrase: Option<&Passphrase>) -> Result<AuthorityKeys, KeysError> {
    let files = read_all(directory)?;
    let public = public_of(&files)?;
    let secret = |role: Role| {
        let file = files.iter().find(|file| file.role == role);
        let missing = || KeysError::Secret { path: directory.join(role.file_name()) };
        file.ok_or_else(missing)?.open(passphrase)
    };
    Ok(AuthorityKeys {
        public,
        consensus: secret(Role::Consensus)?,
        vrf: secret(Role::Vrf)?,
        p2p: secret(Role::P2p)?,
    })
}

/// The libp2p identity of a node that is no authority: `p2p.key` in its data directory, made when it
/// is not there.
///
/// # Errors
/// The file cannot be read or written, or others can read it.
pub(crate) fn node_key(directory: &Path) -> Result<Secret, KeysError> {
    key_of(directory, Role::P2p, None)
}

/// The key of a worker, `worker.key` in its directory, made when it is not there.
///
/// # Errors
/// As [`node_key`]; and the passphrase is missing or wrong.
pub(crate) fn worker_key(
    directory: &Path,
    passphrase: Option<&Passphrase>,
) -> Result<Secret, KeysError> {
    key_of(directory, Role::Worker, passphrase)
}

/// Whether `directory` has a worker's key.
pub(crate) fn has_worker(directory: &Path) -> bool {
    directory.join(Role::Worker.file_name()).exists()
}

/// Whether `directory` has an operator's account.
pub(crate) fn has_operator(directory: &Path) -> bool {
    directory.join(Role::Operator.file_name()).exists()
}

/// Makes the account of a worker's operator in `directory`, unless it is there.
///
/// # Errors
/// As [`worker_key`].
pub(crate) fn make_operator(
    directory: &Path,
    passphrase: Option<&Passphrase>,
) -> Result<(), KeysError> {
    key_of(directory, Role::Operator, passphrase).map(drop)
}

/// A key that is made when it is not there.
fn key_of(
    directory: &Path,
    role: Role,
    passphrase: Option<&Passphrase>,
) -> Result<Secret, KeysError> {
    let path = directory.join(role.file_name());
    let there =
        path.try_exists().map_err(|source| KeysError::File { path: path.clone(), source })?;
    if !there {
        KeyFile::make(directory, role, random()?, passphrase)?.replace()?;
        sync(directory)?;
    }
    KeyFile::read(directory, role)?.open(passphrase)
}

/// Encrypts the keys in `directory` that are not encrypted yet, one file after the other. When some
/// are already, as after an interruption, the passphrase must be theirs.
///
/// # Errors
/// As [`load`]; and when all are encrypted already.
pub fn encrypt(directory: &Path, passphrase: &Passphrase) -> Result<(), KeysError> {
    let files = read_all(directory)?;
    public_of(&files)?;
    if files.iter().all(KeyFile::is_sealed) {
        return Err(KeysError::AlreadyEncrypted { path: directory.into() });
    }
    for file in &files {
        file.open(Some(passphrase))?;
    }
    for file in files.into_iter().filter(|file| !file.is_sealed()) {
        file.sealed(passphrase)?.replace()?;
    }
    sync(directory)
}

pub(super) fn read_all(directory: &Path) -> Result<Vec<KeyFile>, KeysError> {
    check_directory(directory)?;
    Role::ALL.into_iter().map(|role| KeyFile::read(directory, role)).collect()
}

/// Others may look into the directory, but not put a file into it.
fn check_directory(directory: &Path) -> Result<(), KeysError> {
    let metadata = fs::metadata(directory)
        .map_err(|source| KeysError::File { path: directory.into(), source })?;
    check_mode(directory, metadata.permissions().mode(), 0o022, "700")
}

pub(super) fn public_of(files: &[KeyFile]) -> Result<PublicKeys, KeysError> {
    let mut public = PublicKeys {
        operator: Default::default(),
        consensus_key: [0; 32],
        vrf_key: [0; 32],
        peer_id: Vec::new(),
    };
    for file in files {
        match (&file.public, file.role) {
            (PublicPart::Key(key), Role::Vrf) => public.vrf_key = *key,
            (PublicPart::Key(key), _) => public.consensus_key = *key,
            (PublicPart::Peer(peer_id), _) => public.peer_id.clone_from(peer_id),
            (PublicPart::Account(address), _) => public.operator = *address,
        }
    }
    let peer = peer_key(&public.peer_id);
    let same = [
        (public.consensus_key == public.vrf_key, Role::Vrf, Role::Consensus),
        (peer == Some(public.consensus_key), Role::P2p, Role::Consensus),
        (peer == Some(public.vrf_key), Role::P2p, Role::Vrf),
    ];
    if let Some((_, role, other)) = same.into_iter().find(|(same, ..)| *same) {
        let file = files.iter().find(|file| file.role == role);
        let path = file.map(|file| file.path.clone()).unwrap_or_default();
        let reason = format!("holds the same key as {}", other.file_name());
        return Err(KeysError::Mixed { path, reason });
    }
    Ok(public)
}

fn sync(directory: &Path) -> Result<(), KeysError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| KeysError::File { path: directory.into(), source })
}
