//! What commands print. Results go to standard output, progress and failures to standard error.
#![allow(clippy::print_stderr)]

use mfenx_node::{
    ChainSpec, ImportProgress, ImportReport, LocalnetEvent, NodeError, Quorum, Ready, RunningAs,
    TableStats, keys::PublicKeys,
};
use std::{
    io::{IsTerminal, Write},
    path::Path,
    time::{Duration, Instant},
};

/// One line that says what was wrong.
pub(crate) fn failure(error: &NodeError) {
    eprintln!("error: {error}");
}

/// One line for somebody who watches.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// A result, on standard output. Who reads it may have read enough, as `head` does.
pub(crate) fn result(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// The lines after which everything serves; the last of them is for programs.
pub(crate) fn ready(ready: &Ready) {
    let mut out = std::io::stdout().lock();
    // A closed standard output is no reason to stop a node.
    let _ = write_ready(&mut out, ready);
    let _ = out.flush();
}

fn write_ready(out: &mut impl Write, ready: &Ready) -> std::io::Result<()> {
    let url = format!("http://{}", ready.http);
    writeln!(out, "mfenx {}", *crate::args::VERSION)?;
    writeln!(out)?;
    writeln!(out, "Chain ID    {}", ready.chain_id)?;
    writeln!(out, "Head        {} {}", ready.head_number, ready.head_hash)?;
    match &ready.data {
        Some(path) => writeln!(out, "Data        {}", path.display())?,
        None => writeln!(out, "Data        temporary, gone at the end (--datadir DIR keeps it)")?,
    }
    if let RunningAs::Dev { accounts, mnemonic, balance } = &ready.running_as {
        writeln!(out)?;
        writeln!(
            out,
            "Accounts, {balance} JULIAN each at genesis. The keys are public: use them nowhere else."
        )?;
        for (index, account) in accounts.iter().enumerate() {
            writeln!(out, "({index}) {}  {}", account.address, account.secret)?;
        }
        writeln!(out, "Mnemonic    {mnemonic}")?;
        writeln!(out)?;
        writeln!(out, "MetaMask    Add a network by hand: name MFENX, RPC URL {url},")?;
        writeln!(out, "            chain ID {}, currency symbol JULIAN.", ready.chain_id)?;
    }
    if let RunningAs::Network { operator, quorum, authorities } = &ready.running_as {
        write_network(out, operator.as_ref(), (*quorum, *authorities))?;
    }
    writeln!(out)?;
    writeln!(out, "{}", ready.line())
}

/// What kind of node of a network it is, and what its rule stands.
fn write_network(
    out: &mut impl Write,
    operator: Option<&impl std::fmt::Display>,
    (quorum, authorities): (Quorum, usize),
) -> std::io::Result<()> {
    match operator {
        Some(operator) => writeln!(out, "Authority   {operator}")?,
        None => writeln!(out, "Follower    without keys: checks every block, decides none")?,
    }
    writeln!(out, "Quorum      {}", rule(quorum, authorities))
}

/// A quorum rule in words.
fn rule(quorum: Quorum, authorities: usize) -> String {
    let rule = match quorum {
        Quorum::Bft => "bft: more than two thirds; less than a third may fail or lie",
        Quorum::Majority => {
            "majority: more than half; tolerates crashes and no liars: a key that runs twice can \
             fork this chain"
        }
    };
    format!("{rule} ({authorities} authorities at genesis)")
}

/// What happens in a local network.
pub(crate) fn localnet(event: &LocalnetEvent) {
    let mut out = std::io::stdout().lock();
    let _ = write_localnet(&mut out, event);
    let _ = out.flush();
}

fn write_localnet(out: &mut impl Write, event: &LocalnetEvent) -> std::io::Result<()> {
    match event {
        LocalnetEvent::Chain {
            directory,
            is_temporary,
            is_old,
            chain_id,
            genesis_hash,
            quorum,
        } => {
            let kept = match (is_temporary, is_old) {
                (true, _) => " (temporary, gone at the end: --datadir DIR keeps it)",
                (_, true) => " (an existing network, which goes on)",
                _ => "",
            };
            writeln!(out, "mfenx {}", *crate::args::VERSION)?;
            writeln!(out)?;
            writeln!(out, "Directory   {}{kept}", directory.display())?;
            writeln!(out, "Chain       ID {chain_id}, genesis {genesis_hash}")?;
            writeln!(out, "Accounts    the ten of `mfenx dev`: {}", mfenx_node::DEV_MNEMONIC)?;
            writeln!(out, "Quorum      {}", quorum.label())?;
            writeln!(out)
        }
        LocalnetEvent::Ready(node) => {
            writeln!(out, "{} {} pid={} log={}", node.name, node.line, node.pid, node.log.display())
        }
        LocalnetEvent::Complete => writeln!(out, "\nlocalnet ready (ctrl-C stops all)"),
        LocalnetEvent::Ended { name, how, log } => writeln!(
            out,
            "{name} ended by itself ({how}) and is not started again; see {}. What the others wait \
             for, if they do, is in their logs",
            log.display()
        ),
        LocalnetEvent::Stopping => writeln!(out, "stopping"),
    }
}

/// The public keys of an authority.
pub(crate) fn public_keys(keys: &PublicKeys) {
    let hexadecimal = |key: &[u8]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    result(&format!("Operator       {}", keys.operator));
    result(&format!("Consensus key  0x{}", hexadecimal(&keys.consensus_key)));
    result(&format!("VRF key        0x{}", hexadecimal(&keys.vrf_key)));
    result(&format!("Peer ID        {}", keys.peer_id_text()));
    result(&format!("Peer key       0x{}", hexadecimal(&keys.peer_key().unwrap_or_default())));
}

/// What everybody at a ceremony compares.
pub(crate) fn genesis(spec: &ChainSpec, path: &Path) {
    result(&format!("Chain ID       {}", spec.chain_id()));
    result(&format!("Genesis hash   {}", spec.genesis_header().hash()));
    if let Some(consensus) = spec.consensus() {
        result(&format!("Authorities    {}", consensus.authorities.len()));
        result(&format!("Quorum         {}", consensus.quorum.label()));
        result(&format!("Epoch          {} blocks", consensus.epoch_blocks));
    }
    result(&format!("wrote {}", path.display()));
}

/// Shows an import's progress: a line rewritten on a terminal, else a line every ten seconds.
#[derive(Debug)]
pub(crate) struct Progress {
    start: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), shown: None, terminal: std::io::stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self, progress: ImportProgress) {
        let pause =
            if self.terminal { Duration::from_millis(100) } else { Duration::from_secs(10) };
        if self.shown.unwrap_or(self.start).elapsed() < pause {
            return;
        }
        self.shown = Some(Instant::now());
        let percent = progress.bytes.saturating_mul(100) / progress.bytes_total.max(1);
        let line = format!("block {} ({percent} %)", progress.number);
        if self.terminal { eprint!("\r{line}   ") } else { eprintln!("{line}") }
    }

    pub(crate) fn finish(&self, report: &ImportReport) {
        if self.terminal && self.shown.is_some() {
            eprintln!();
        }
        let seconds = self.start.elapsed().as_secs_f64();
        let known = match report.known {
            0 => String::new(),
            known => format!(", {known} known already"),
        };
        result(&format!(
            "imported {} blocks{known}, {} transactions, {:.1} Mgas in {seconds:.3} s",
            report.imported,
            report.transactions,
            report.gas as f64 / 1e6,
        ));
        result(&format!("head {} {}", report.head.number, report.head.hash()));
    }
}

/// A table of tables.
pub(crate) fn table_stats(tables: &[TableStats]) {
    result(&format!("{:<20} {:>14} {:>16}", "table", "entries", "bytes"));
    for table in tables {
        result(&format!("{:<20} {:>14} {:>16}", table.name, table.entries, table.bytes));
    }
}
