//! What processes take of the machine, and what the machine is (Linux, procfs).

use super::nodes::Node;
use eyre::{Context, Result, eyre};
use std::{fs, time::Instant};

/// Clock ticks in a second, as every Linux reports them to programs (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time of nodes since it was started.
#[derive(Debug)]
pub(crate) struct Usage {
    since: Instant,
    before: Vec<(Node, f64)>,
}

/// What a node took.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) name: String,
    /// Of one core, where 1 is all of it.
    pub(crate) cpu_share: f64,
    /// Resident memory now, in bytes.
    pub(crate) resident_bytes: u64,
}

impl Usage {
    pub(crate) fn start(nodes: &[Node]) -> Result<Self> {
        let before = nodes.iter().map(|node| Ok((node.clone(), cpu_seconds(node.pid)?)));
        Ok(Self { since: Instant::now(), before: before.collect::<Result<_>>()? })
    }

    pub(crate) fn taken(&self) -> Result<Vec<Taken>> {
        let seconds = self.since.elapsed().as_secs_f64();
        let taken = |(node, before): &(Node, f64)| {
            Ok(Taken {
                name: node.name.clone(),
                cpu_share: (cpu_seconds(node.pid)? - before) / seconds,
                resident_bytes: resident_bytes(node.pid)?,
            })
        };
        self.before.iter().map(taken).collect()
    }
}

/// CPU time of this process, in seconds.
pub(crate) fn own_cpu_seconds() -> Result<f64> {
    cpu_seconds(std::process::id())
}

fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
        .wrap_err_with(|| format!("process {pid} is gone"))?;
    ticks(&stat).map(|ticks| ticks / TICKS_PER_SECOND).ok_or_else(|| eyre!("no times in {stat:?}"))
}

/// User and system time of a line of `/proc/PID/stat`. The name before them may hold anything.
fn ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn resident_bytes(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| eyre!("no resident memory of process {pid}"))
}

/// Processor, cores, memory and kernel, in a line.
pub(crate) fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (cpus, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let value = |text: &str, name| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let unknown = || "unknown".to_owned();
    format!(
        "{cores} cores of {}, memory {}, Linux {}",
        value(&cpus, "model name").unwrap_or_else(unknown),
        value(&memory, "MemTotal").unwrap_or_else(unknown),
        read("/proc/sys/kernel/osrelease").trim(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_a_name_that_may_hold_anything() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 21 13 0 0 20 0 1 0 5";
        assert_eq!(ticks(stat), Some(34.0));
        assert_eq!(ticks("7 (x"), None);
    }

    #[test]
    fn this_process_takes_something() {
        assert!(own_cpu_seconds().unwrap() >= 0.0);
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000);
        assert!(machine().contains("cores"));
    }
}
