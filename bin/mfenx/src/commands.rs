//! From arguments to the `node` crate.

use crate::{
    args::{
        BlockTimeArg, Command, DbArgs, DbCommand, DevArgs, ExportArgs, ImportArgs, ListenArgs,
        ServeArgs,
    },
    output::{self, Progress},
};
use mfenx_node::{BlockTime, ChainSpec, DevConfig, ExportOptions, Listen, NodeError, ServeConfig};
use std::{path::Path, sync::Arc};

mod audit;
mod authorities;
mod keys;
mod network;
mod worker;

/// `log` is the filter of logs that the user named.
pub(crate) fn run(command: Command, log: &str) -> Result<(), NodeError> {
    match command {
        Command::Dev(args) => dev(args),
        Command::Node(args) => network::node(args),
        Command::Localnet(args) => network::localnet(args, log),
        Command::Serve(args) => serve(args),
        Command::Import(args) => import(&args),
        Command::Export(args) => export(&args),
        Command::Genesis(args) => keys::genesis(args),
        Command::Keys(command) => keys::run(command),
        Command::Authorities(command) => authorities::run(command),
        Command::Audit(command) => audit::run(command),
        Command::Worker(args) => worker::run(*args),
        Command::Db(DbCommand::Stats(args)) => db_stats(&args),
        Command::Db(DbCommand::Verify(args)) => db_verify(&args),
    }
}

/// `api` is what is answered unless the operator says otherwise.
fn listen(args: ListenArgs, api: &str) -> Listen {
    let api = args.api.unwrap_or_else(|| api.to_owned());
    Listen { http: args.http, admin: args.admin, api }
}

fn dev(args: DevArgs) -> Result<(), NodeError> {
    let block_time = match args.block_time {
        BlockTimeArg::Auto => BlockTime::Auto,
        BlockTimeArg::Every(interval) => BlockTime::Interval(interval),
    };
    let (datadir, chain_id) = (args.datadir, args.chain_id);
    let config = DevConfig { datadir, chain_id, block_time, listen: listen(args.listen, "all") };
    mfenx_node::run_dev(config, output::ready)
}

fn serve(args: ServeArgs) -> Result<(), NodeError> {
    let config = ServeConfig { datadir: args.datadir, listen: listen(args.listen, "public") };
    mfenx_node::run_serve(config, output::ready)
}

fn chain(name: &str) -> Result<ChainSpec, NodeError> {
    let embedded = |result: Result<ChainSpec, _>| {
        result.map_err(|source| NodeError::Chain { origin: name.to_owned(), source })
    };
    match name {
        "mfenx" => embedded(ChainSpec::mfenx()),
        "dev" => embedded(ChainSpec::dev()),
        file => mfenx_node::read_chain(Path::new(file)),
    }
}

fn import(args: &ImportArgs) -> Result<(), NodeError> {
    let spec = Arc::new(chain(&args.chain)?);
    if !args.unsealed && !mfenx_node::has_seals(&args.blocks)? {
        if spec.consensus().is_some() {
            return Err(NodeError::NeedsSeals { path: args.blocks.clone() });
        }
        output::note("note: seals are not checked: whoever made these blocks is not verified");
    }
    let mut progress = Progress::start();
    let mut show = |now| progress.show(now);
    let report = mfenx_node::import(spec, &args.datadir, &args.blocks, &mut show)?;
    progress.finish(&report);
    Ok(())
}

fn export(args: &ExportArgs) -> Result<(), NodeError> {
    let options = ExportOptions { first: args.first, last: args.last, sealed: args.sealed };
    let report = mfenx_node::export(&args.datadir, &args.blocks, options)?;
    if report.leaves_seals {
        output::note(
            "note: without seals: --sealed writes who decided the blocks and their randomness, too",
        );
    }
    let (count, what) = (report.blocks, if args.sealed { "sealed blocks" } else { "blocks" });
    output::result(&format!("exported {count} {what} to {}", args.blocks.display()));
    Ok(())
}

fn db_stats(args: &DbArgs) -> Result<(), NodeError> {
    let (_, store) = mfenx_node::open_existing(&args.datadir)?;
    let tables = store.stats()?;
    if args.json {
        output::result(&mfenx_node::stats_json(&tables));
    } else {
        output::table_stats(&tables);
    }
    Ok(())
}

fn db_verify(args: &DbArgs) -> Result<(), NodeError> {
    let report = mfenx_node::verify(&args.datadir, &mut |step| output::note(step))?;
    output::result(&if args.json { report.json } else { report.text });
    Ok(())
}
