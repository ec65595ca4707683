//! `mfenx keys` and `mfenx genesis`.

use super::chain;
use crate::{
    args::{GenesisArgs, KeysCommand, ShowArgs, VerifyArgs},
    output,
};
use mfenx_node::{
    GenesisFile, GenesisPlan, NodeError,
    keys::{self, KeysError, Passphrase, Registration},
};
use std::path::{Path, PathBuf};

pub(crate) fn run(command: KeysCommand) -> Result<(), NodeError> {
    match command {
        KeysCommand::New(args) => {
            let passphrase = passphrase(args.passphrase.passphrase_file.as_ref())?;
            let public = keys::new(&args.out, passphrase.as_ref())?;
            output::public_keys(&public);
            if passphrase.is_none() {
                output::note("note: the keys are not encrypted (mfenx keys encrypt does it)");
            }
            Ok(())
        }
        KeysCommand::Show(args) => show(&args),
        KeysCommand::Encrypt(args) => {
            keys::encrypt(&args.keys.dir, &Passphrase::read(&args.passphrase_file)?)?;
            output::result(&format!("encrypted the keys in {}", args.keys.dir.display()));
            Ok(())
        }
        KeysCommand::Verify(args) => verify(args),
    }
}

fn passphrase(file: Option<&PathBuf>) -> Result<Option<Passphrase>, KeysError> {
    file.map(|file| Passphrase::read(file)).transpose()
}

fn show(args: &ShowArgs) -> Result<(), NodeError> {
    let dir: &Path = &args.keys.dir;
    if args.registration {
        let passphrase = passphrase(args.passphrase.passphrase_file.as_ref())?;
        let registration = keys::register(dir, passphrase.as_ref(), args.chain_id)?;
        output::result(&registration.to_json());
    } else {
        output::public_keys(&keys::public(dir)?);
    }
    Ok(())
}

fn verify(args: VerifyArgs) -> Result<(), NodeError> {
    let VerifyArgs { registration: path, chain_id } = args;
    let public = Registration::read(&path)?
        .verify(chain_id)
        .map_err(|source| KeysError::Registration { origin: path, source })?;
    output::public_keys(&public);
    output::result(&format!("ok: every key is proven for this operator and chain ID {chain_id}"));
    Ok(())
}

pub(crate) fn genesis(args: GenesisArgs) -> Result<(), NodeError> {
    let plan = GenesisPlan {
        base: chain(&args.base)?,
        authorities: args.authorities,
        quorum: args.quorum.map(Into::into),
        epoch_blocks: args.epoch_blocks,
        fund: args.fund,
        admission: args.workers.map(Into::into),
    };
    let file = GenesisFile::make(plan)?;
    file.write_new(&args.out)?;
    output::genesis(&file.spec, &args.out);
    Ok(())
}
