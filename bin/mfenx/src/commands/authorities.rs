//! `mfenx authorities`.

use crate::{
    args::{AuthoritiesCommand, ProposeCommand, SenderArgs, VoteArgs},
    output,
};
use mfenx_node::{
    NodeError,
    keys::{OperatorKey, Passphrase},
    registry::{Change, Grounds, Outcome, Registry, RegistryError},
};

pub(crate) fn run(command: AuthoritiesCommand) -> Result<(), NodeError> {
    let outcome = match command {
        AuthoritiesCommand::List(args) => {
            let listing = Registry::connect(&args.rpc.rpc)?.list()?;
            let text = if args.json { listing.to_json() } else { listing.to_string() };
            output::result(text.trim_end());
            return Ok(());
        }
        AuthoritiesCommand::Evidence(args) => {
            let checked = Registry::connect(&args.rpc.rpc)?.evidence(args.operator)?;
            let text = if args.json { checked.to_json() } else { checked.to_string() };
            output::result(text.trim_end());
            let lies = RegistryError::FalseEvidence;
            return if checked.holds() { Ok(()) } else { Err(lies.into()) };
        }
        AuthoritiesCommand::Propose(command) => propose(command)?,
        AuthoritiesCommand::Vote(args) => vote(&args)?,
        AuthoritiesCommand::Execute(args) => {
            let (key, registry) = open(&args.sender)?;
            registry.execute(args.id, &key)?
        }
    };
    output::result(&outcome.to_string());
    Ok(())
}

/// The key first: what is wrong with it needs no network.
fn open(args: &SenderArgs) -> Result<(OperatorKey, Registry), NodeError> {
    let passphrase =
        args.passphrase.passphrase_file.as_deref().map(Passphrase::read).transpose()?;
    let key = OperatorKey::read(&args.operator_key, passphrase.as_ref())?;
    Ok((key, Registry::connect(&args.rpc.rpc)?))
}

fn propose(command: ProposeCommand) -> Result<Outcome, NodeError> {
    let (sender, change) = match command {
        ProposeCommand::Remove(args) => {
            let (key, registry) = open(&args.sender)?;
            return Ok(registry.propose(Change::Remove(args.operator), &key)?);
        }
        ProposeCommand::Add(args) => (args, Change::Add as fn(_, _) -> _),
        ProposeCommand::Change(args) => (args, Change::Update as fn(_, _) -> _),
    };
    let (key, registry) = open(&sender.sender)?;
    let keys = registry.registration(&sender.registration)?;
    Ok(registry.propose(change(Box::new(keys), sender.power), &key)?)
}

fn vote(args: &VoteArgs) -> Result<Outcome, NodeError> {
    let (key, registry) = open(&args.sender)?;
    let grounds = match (&args.registration, args.unchecked) {
        (Some(path), _) => Grounds::Registration(path),
        (None, true) => Grounds::Unchecked,
        (None, false) => Grounds::None,
    };
    Ok(registry.vote(args.id, grounds, &key)?)
}
