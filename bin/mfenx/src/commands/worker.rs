//! `mfenx worker`.

use crate::{
    args::{
        AccessArgs, AttestArgs, BackendArg, DevicesArgs, RunArgs, StatusArgs, WantedArgs,
        WorkerArgs, WorkerCommand,
    },
    output,
};
use mfenx_node::{
    BackendChoice, NodeError, Receipt, WorkerAccess, WorkerAccount, WorkerConfig, WorkerEvent,
    WorkerLimits, WorkerRequest, WorkerWishes, lapse_job, miss_round, refresh_worker, run_observer,
    run_worker, worker_devices, worker_request, worker_status,
};
use std::{
    num::NonZeroUsize,
    thread,
    time::{Duration, Instant},
};

/// Between two lines on what a worker does.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

pub(crate) fn run(args: WorkerArgs) -> Result<(), NodeError> {
    match args.command {
        None => work(args.run),
        Some(WorkerCommand::Status(args)) => status(args),
        Some(WorkerCommand::Exit(args)) => request(args, WorkerRequest::Exit),
        Some(WorkerCommand::Release(args)) => request(args, WorkerRequest::Release),
        Some(WorkerCommand::Withdraw(args)) => {
            request(args.access, WorkerRequest::Withdraw(args.to))
        }
        Some(WorkerCommand::Terms(args)) => {
            request(args.access, WorkerRequest::Terms(wishes(&args.terms)))
        }
        Some(WorkerCommand::Attest(args)) => attest(args),
        Some(WorkerCommand::Agent(args)) => {
            request(args.access, WorkerRequest::Agent(args.set.unwrap_or_default()))
        }
        Some(WorkerCommand::Stake(args)) => request(args.access, WorkerRequest::Stake(args.add)),
        Some(WorkerCommand::Lapse(args)) => {
            done(&lapse_job(&access(args.access), args.job)?);
            Ok(())
        }
        Some(WorkerCommand::Miss(args)) => {
            done(&miss_round(&access(args.access), args.round, args.worker)?);
            Ok(())
        }
        Some(WorkerCommand::Refresh(args)) => {
            done(&refresh_worker(&access(args.access), args.worker)?);
            Ok(())
        }
        Some(WorkerCommand::Observe(args)) => {
            let interval = args.interval();
            run_observer(&access(args.access), interval, |event| match event {
                WorkerEvent::Observing { authority } => {
                    output::result(&format!("observing authority={authority}"));
                }
                WorkerEvent::Observed(observed) => {
                    for it in observed {
                        let job = format!("{:#x}", it.job);
                        output::result(&format!("benchmark {job}: {} ms", it.milliseconds));
                    }
                }
                WorkerEvent::Ready { .. } | WorkerEvent::Adjusted(_) | WorkerEvent::Progress(_) => {
                }
            })
        }
        Some(WorkerCommand::Devices(args)) => devices(&args),
    }
}

fn access(args: AccessArgs) -> WorkerAccess {
    let account = match args.dev_account {
        Some(index) => WorkerAccount::Dev(index),
        None => WorkerAccount::Key(args.operator_key),
    };
    WorkerAccess {
        rpc: args.rpc.rpc,
        directory: args.dir,
        account,
        operator: args.operator,
        passphrase_file: args.passphrase.passphrase_file,
    }
}

fn wishes(args: &WantedArgs) -> WorkerWishes {
    let WantedArgs { capacity, base, price } = *args;
    WorkerWishes { capacity, base, price, ..WorkerWishes::default() }
}

const fn choice(backend: BackendArg) -> BackendChoice {
    match backend {
        BackendArg::Cpu => BackendChoice::Cpu,
        BackendArg::Cuda => BackendChoice::Cuda,
        BackendArg::Auto => BackendChoice::Auto,
    }
}

fn work(args: RunArgs) -> Result<(), NodeError> {
    let wishes = WorkerWishes { class: args.class, stake: args.stake, ..wishes(&args.terms) };
    let limits =
        WorkerLimits { memory_max: args.memory << 20, poll: Duration::from_millis(args.poll) };
    let (backend, card) = (choice(args.device.backend), args.device.card);
    let all = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = args.threads.unwrap_or_else(all);
    let access = access(args.access);
    let config = WorkerConfig { access, backend, threads, card, wishes, limits };
    let mut last = Instant::now();
    run_worker(config, |event| match event {
        WorkerEvent::Ready { worker, operator, backend } => {
            output::result(&format!("ready worker={worker} operator={operator} backend={backend}"));
        }
        WorkerEvent::Adjusted(what) => output::note(what),
        WorkerEvent::Progress(worker) => {
            if last.elapsed() >= REPORT_INTERVAL {
                last = Instant::now();
                output::result(&if args.json { worker.json() } else { worker.progress() });
            }
        }
        WorkerEvent::Observing { .. } | WorkerEvent::Observed(_) => {}
    })
}

fn status(args: StatusArgs) -> Result<(), NodeError> {
    match worker_status(&access(args.access))? {
        (None, record) if record.banned.is_empty() => {
            output::result("not registered; `mfenx worker` registers it");
        }
        (None, record) => output::result(&format!("not registered; {record}")),
        (Some(status), _) if args.json => output::result(&status.to_json()),
        (Some(status), _) => output::result(&status.to_string()),
    }
    Ok(())
}

fn attest(args: AttestArgs) -> Result<(), NodeError> {
    let (backend, card) = (choice(args.device.backend), args.device.card);
    request(args.access, WorkerRequest::Attest { backend, card, class: args.class })?;
    output::note(
        "the measurement is void: the worker is in no draw until it runs and the next round has \
         measured it",
    );
    Ok(())
}

fn request(args: AccessArgs, request: WorkerRequest) -> Result<(), NodeError> {
    done(&worker_request(&access(args), request)?);
    Ok(())
}

fn done(receipt: &Receipt) {
    output::result(&format!("done in block {}", receipt.block_number));
}

fn devices(args: &DevicesArgs) -> Result<(), NodeError> {
    let (found, reason) = worker_devices()?;
    for device in &found {
        output::result(&if args.json { device.to_json() } else { device.to_string() });
    }
    if let Some(reason) = reason {
        output::note(&format!("no cards: {reason}"));
    }
    Ok(())
}
