//! The machine: one authority's consensus, height after height, as a function of its inputs.
//!
//! [`Machine::step`] feeds an [`Input`] to Malachite's core and returns [`Effect`]s in the order in
//! which they must be carried out. The core asks for signatures and verifications in between; the
//! machine answers them on the spot, so that one step is one pass, and everything that must wait for
//! the world (timers, blocks, the log, peers) is an effect.
//!
//! Invariants:
//! - A message of ours is published only behind the [`Effect::WalAppend`] that records it, in the same
//!   step or an earlier one.
//! - Two different messages of ours for one height, round and kind are never signed by one machine,
//!   nor by a chain of machines that each were given the log of the one before.
//! - Nothing grows without bound: messages of later heights are one per sender, kind, round and
//!   height, for a few rounds of a few heights.
//!
//! The core writes to `tracing` under its own crates' names (`arc_malachitebft_*`), a line a vote at
//! `info`; filter it.

mod admission;
mod bridge;
mod config;
mod effect;
mod error;
mod input;
mod record;
mod replay;
#[cfg(test)]
mod tests;
mod watch;

use malachite_core_consensus::{
    Input as CoreInput, LocallyProposedValue, Params, ProposedValue, State, process,
};
use malachite_core_types::{ValueOrigin, ValuePayload, VoteExtensionPolicy};

use crate::{ChainContext, Height, Message, ValidatorSet, WalEntry, thresholds};
use admission::Queue;
use bridge::Bridge;
use watch::Watch;

pub use admission::{Reason, Verdict};
pub use config::Config;
pub use effect::{Effect, Role};
pub use error::Error;
pub use input::Input;

/// How many heights beyond the current one messages are kept for.
const FUTURE_HEIGHTS: u64 = 4;

/// The core's bound on what it keeps for one later height. The machine admits at most nine messages
/// of a sender, which is less for any set; the rest is for blocks that arrive early.
const QUEUE_PER_HEIGHT: usize = 2048;

/// What waits for later heights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Heights that something waits for.
    pub heights: usize,
    /// Messages and blocks that wait.
    pub items: usize,
}

/// Where the machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The height worked on.
    pub height: Height,
    /// The round, or none before the height is started.
    pub round: Option<u32>,
    /// Whether the height is decided and the next one awaited.
    pub decided: bool,
    /// Whether this machine votes at this height.
    pub votes: bool,
}

/// One authority's consensus. See the module for what it promises.
pub struct Machine {
    state: State<ChainContext>,
    bridge: Bridge,
    queue: Queue,
    watch: Watch,
    started: bool,
}

impl Machine {
    /// A machine that has yet to be told to start a height, `first` or a later one.
    ///
    /// # Errors
    /// [`Error::Key`] when the operator is an authority with another consensus key.
    pub fn new(config: Config, first: Height, validators: ValidatorSet) -> Result<Self, Error> {
        config.check_key(&validators)?;
        let params = Params {
            address: config.operator,
            threshold_params: thresholds(validators.quorum()),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: config.key.is_some(),
        };
        // The core counts the current height among those it keeps inputs for.
        let heights = usize::try_from(FUTURE_HEIGHTS).unwrap_or(usize::MAX).saturating_add(1);
        let state =
            State::new(ChainContext, first, validators.clone(), params, heights, QUEUE_PER_HEIGHT);
        Ok(Self {
            state,
            bridge: Bridge::new(config, first, validators),
            queue: Queue::default(),
            watch: Watch::default(),
            started: false,
        })
    }

    /// Takes one input and says what to do, in order.
    ///
    /// Carry effects out from front to back. An [`Effect::WalAppend`] must be durable before any
    /// [`Effect::Publish`] behind it leaves; records of one step may be written and synced together.
    ///
    /// # Errors
    /// Every [`Error`] is final: the machine must not be stepped again. Stop and tell the operator.
    pub fn step(&mut self, input: Input) -> Result<Vec<Effect>, Error> {
        match input {
            Input::StartHeight { height, validators, log } => {
                self.start_height(height, validators, log)?;
            }
            Input::Message(message) => self.receive(message)?,
            Input::ValueBuilt { height, round, block_hash } => {
                // A second block for a round would have us propose twice.
                if self.started && !self.bridge.record.has_proposal(round) {
                    let value = LocallyProposedValue::new(height, round.into(), block_hash.into());
                    self.drive(CoreInput::Propose(value))?;
                }
            }
            Input::ValueReceived(value) => {
                if self.started {
                    self.drive(CoreInput::ProposedValue(
                        ProposedValue::from(value),
                        ValueOrigin::Consensus,
                    ))?;
                }
            }
            Input::Timeout { height, timeout } => {
                if self.started && height == self.state.height() {
                    self.drive(CoreInput::TimeoutElapsed(timeout))?;
                }
            }
        }
        self.observe_evidence();
        Ok(std::mem::take(&mut self.bridge.effects))
    }

    /// Where the machine stands.
    pub fn status(&self) -> Status {
        Status {
            height: self.state.height(),
            round: self.state.round().as_u32(),
            decided: self.state.driver.step_is_commit(),
            votes: self.state.is_active_validator(),
        }
    }

    /// The authorities of the current height.
    pub fn validators(&self) -> &ValidatorSet {
        self.state.validator_set()
    }

    /// What waits for later heights, for metrics.
    pub fn queue(&self) -> QueueCounts {
        QueueCounts { heights: self.state.input_queue.len(), items: self.state.input_queue.size() }
    }

    fn start_height(
        &mut self,
        height: Height,
        validators: ValidatorSet,
        log: Vec<WalEntry>,
    ) -> Result<(), Error> {
        let current = self.state.height();
        if height < current || (self.started && height == current) {
            return Err(Error::HeightNotAhead { current, asked: height });
        }
        if validators.quorum() != self.state.validator_set().quorum() {
            return Err(Error::QuorumRule);
        }
        self.bridge.config.check_key(&validators)?;
        self.bridge.start_height(height, validators.clone());
        self.queue.start_height(height);
        self.watch.start_height(height, &validators);
        self.started = true;
        if log.is_empty() {
            self.drive(start_input(height, validators, false))?;
        } else {
            self.replay(height, validators, log)?;
        }
        self.observe_decision_elsewhere();
        Ok(())
    }

    fn receive(&mut self, message: Message) -> Result<(), Error> {
        let verdict = match self.admit(&message) {
            Err(refused) => refused,
            Ok(()) => {
                self.bridge.invalid = false;
                let precommit_or_certificate = watch::may_reveal_decision(&message);
                self.drive(match message {
                    Message::Vote(vote) => CoreInput::Vote(vote),
                    Message::Proposal(proposal) => CoreInput::Proposal(proposal),
                    Message::Polka(polka) => CoreInput::PolkaCertificate(polka),
                    Message::Round(certificate) => CoreInput::RoundCertificate(certificate),
                })?;
                if precommit_or_certificate {
                    self.observe_decision_elsewhere();
                }
                if self.bridge.invalid {
                    Verdict::Reject(Reason::Signature)
                } else {
                    Verdict::Accept
                }
            }
        };
        self.bridge.effects.insert(0, Effect::Verdict(verdict));
        Ok(())
    }

    /// Feeds the core one input and gathers what it asks for.
    fn drive(&mut self, input: CoreInput<ChainContext>) -> Result<(), Error> {
        let Self { state, bridge, .. } = self;
        let outcome: Result<(), malachite_core_consensus::Error<ChainContext>> = process!(
            input: input,
            state: state,
            metrics: &(),
            with: effect => Ok::<_, std::convert::Infallible>(bridge.handle(effect))
        );
        // What made the machine refuse an answer says more than the core's complaint about it.
        if let Some(fault) = bridge.fault.take() {
            return Err(fault);
        }
        outcome.map_err(|error| Error::from_core(&error))
    }
}

fn start_input(
    height: Height,
    validators: ValidatorSet,
    drop_queued: bool,
) -> CoreInput<ChainContext> {
    let no_target_time = None;
    CoreInput::StartHeight(
        height,
        validators,
        drop_queued,
        no_target_time,
        VoteExtensionPolicy::Disabled,
    )
}
