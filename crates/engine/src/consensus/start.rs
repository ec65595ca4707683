//! From files and keys to a driver that can run.

use super::{
    EngineConfig, EngineStatus, Participation, Step,
    accusations::Inquiry,
    audit::{Audit, Event, Noted},
    blocks::Blocks,
    driver::Driver,
    evidence::Proofs,
    jobs::Jobs,
    journal::Journal,
    log::Recovered,
    pace::Pace,
    parts::Assemblies,
    rivals::Rivals,
    serve::Server,
    settle::Claims,
    sync::SyncState,
};
use crate::{chain::head_of, error::EngineError, sets::Sets};
use mfenx_network::GossipMessage;
use std::{collections::BTreeMap, sync::Arc};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

impl Driver {
    pub(super) fn new(
        config: EngineConfig,
        transactions: mpsc::Sender<GossipMessage>,
    ) -> Result<(Self, watch::Receiver<EngineStatus>), EngineError> {
        let EngineConfig { chain, pool, feed, network, events, keys, directory, options } = config;
        let mut sets = Sets::new(Arc::clone(chain.spec()))?;
        let reader = chain.store().reader()?;
        let head = head_of(&reader)?;
        if head.number > 0 && reader.certificate(head.number)?.is_none() {
            return Err(EngineError::NoSeal { number: head.number });
        }
        let authorities = sets.after_head(&reader)?;
        drop(reader);
        let keys = keys.map(Arc::new);
        let mut recovered = Recovered::default();
        let (mut journal, mut audit) = (None, None);
        if let Some(keys) = &keys {
            if !keys.check(&authorities, network.local_peer_id())? {
                tracing::warn!(operator = %keys.operator, "not an authority of this epoch: following");
            }
            let operator = mfenx_consensus::Operator(keys.operator);
            let mut log = Audit::open(&directory, chain.domain(), Arc::clone(keys))?;
            let (opened, found) = Journal::open(&directory, operator).inspect_err(|error| {
                let reason = Some(error.to_string());
                log.record(Event::stopped(head.number, head.hash(), reason));
            })?;
            audit = Some(Box::new(log));
            (journal, recovered) = (Some(Box::new(opened)), found);
        }
        let (status, seen) = watch::channel(EngineStatus::default());
        let (jobs, done) = Jobs::new();
        let pace = Pace::new(chain.spec().params());
        let ended = CancellationToken::new();
        let mut driver = Self {
            _end: ended.clone().drop_guard(),
            ended,
            own_from: None,
            // The caller told it at the network's start.
            head_told: true,
            claims: Claims::default(),
            settled_since: None,
            told_missing: None,
            rivals: Rivals::default(),
            operator: keys.as_ref().map(|keys| keys.operator),
            keys,
            server: Server::new(chain.clone()),
            sync: SyncState::default(),
            chain,
            pool,
            feed,
            network,
            events,
            transactions,
            options,
            proofs: Proofs::open(&directory),
            inquiry: Inquiry::new(),
            audit,
            noted: Noted::default(),
            sets,
            authorities,
            head,
            started: Instant::now(),
            height_started: Instant::now(),
            machine: None,
            journal,
            outbox: Vec::new(),
            blocks: Blocks::default(),
            assemblies: Assemblies::default(),
            pace,
            build: None,
            building: false,
            checking: false,
            writing: false,
            decision: None,
            wanted: BTreeMap::new(),
            jobs,
            done,
            announced: 0,
            missed: Arc::default(),
            step: Step::default(),
            participation: Participation::default(),
            last_commit: None,
            pinned: false,
            status,
        };
        driver.audit_start();
        driver.say_copied();
        driver.say_blind();
        let started = driver.check_record().and_then(|()| driver.start_height(recovered));
        if let Err(error) = started {
            driver.audit_end(Some(&error));
            return Err(error);
        }
        driver.audit_changes();
        driver.update_status();
        Ok((driver, seen))
    }
}
