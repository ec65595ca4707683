//! The contract's errors in words for whoever runs a worker, an order or an authority.

use crate::interface::ICompute::{IComputeErrors as Error, JobState, OrderFault, SlotState};
use alloy_primitives::{Bytes, U256, utils::format_ether};
use alloy_sol_types::SolInterface;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a revert means, and what to do.
pub(crate) fn words(reason: &Bytes) -> String {
    let Ok(error) = Error::abi_decode_validate(reason) else {
        return alloy_sol_types::decode_revert_reason(reason)
            .unwrap_or_else(|| format!("it reverted with {reason}"));
    };
    of_parties(&error)
        .or_else(|| of_jobs(&error))
        .unwrap_or_else(|| without_repetition(&format!("{error:?}")))
}

/// Who may do what, and what a worker must be.
fn of_parties(error: &Error) -> Option<String> {
    Some(match error {
        Error::NotAuthority(it) => format!("{} is no authority of this chain", it.caller),
        Error::NotOperator(it) => {
            format!(
                "{} may not do that to the worker: only its operator may do everything; its agent may \
                 commit, open and change terms, and nothing else",
                it.caller
            )
        }
        Error::NotBuyer(it) => format!("{} has not posted the order", it.caller),
        Error::NoSuchWorker(it) => {
            format!("worker {} is not registered; `mfenx worker` registers it", it.worker)
        }
        Error::WorkerExists(it) => format!("worker {} is registered already", it.worker),
        Error::IsBanned(it) => format!(
            "{} has three strikes and is banned for good, be it key, operator or fingerprint",
            it.subject
        ),
        Error::BadSignature(_) => "the signature is not the worker key's".into(),
        Error::BadClass(it) => format!("there is no class {}", it.class),
        Error::BadTerms(_) => "a worker takes at most 64 jobs at a time".into(),
        Error::StakeTooSmall(it) => format!(
            "a stake of {} JULIAN is too small; at least {} are needed",
            format_ether(it.stake),
            format_ether(it.min)
        ),
        Error::HasExited(_) => {
            "the worker has left; `mfenx worker release` pays its stake when the time is over"
                .into()
        }
        Error::Busy(it) => format!(
            "{} jobs are under way; let the worker run until they are over, then try again",
            it.live
        ),
        Error::NotExited(_) => "the worker has not left; `mfenx worker exit` comes first".into(),
        Error::FingerprintTaken(it) => format!(
            "worker {} has the same card already; stop that one and let it leave, or use another card",
            it.holder
        ),
        Error::NotYet(it) => {
            // Times of blocks are close to those of a clock, and this is for people.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let left = it.time.saturating_sub(U256::from(now)).saturating_to();
            format!(
                "it is too early; it can be done {} by this machine's clock, at second {} since 1970",
                from_now(left),
                it.time
            )
        }
        Error::NothingDue(_) => "nothing is due to this account".into(),
        Error::TransferFailed(_) => "the receiver does not take the payment".into(),
        _ => return None,
    })
}

/// When that is, in the two largest units that are not 0; rounded up, so that it is not too early then.
fn from_now(seconds: u64) -> String {
    if seconds == 0 {
        return "with the next block".into();
    }
    if seconds < 120 {
        return format!("in {seconds} seconds");
    }
    let minutes = seconds.div_ceil(60);
    let hours = minutes.div_ceil(60);
    match minutes {
        0..60 => format!("in {minutes} min"),
        60..1_440 => format!("in {} h {} min", minutes / 60, minutes % 60),
        _ => format!("in {} d {} h", hours / 24, hours % 24),
    }
}

/// Orders, slots, jobs and rounds.
fn of_jobs(error: &Error) -> Option<String> {
    Some(match error {
        Error::BadOrder(it) => format!("the order cannot be served: {}", fault(it.fault)),
        Error::NoSuchOrder(it) => format!("there is no order {}", it.order),
        Error::NoSuchSlot(it) => format!("order {} has no slot {}", it.order, it.slot),
        Error::NoSuchRound(it) => format!("there is no round {}", it.round),
        Error::RewardTooSmall(it) => format!(
            "a result like that is worth {} JULIAN at least, and {} are offered",
            format_ether(it.min),
            format_ether(it.reward)
        ),
        Error::WrongPayment(it) => format!(
            "{} JULIAN were sent, and {} are due",
            format_ether(it.paid),
            format_ether(it.due)
        ),
        Error::WrongSlot(it) => format!("the slot is {}", slot(it.state)),
        Error::WrongJob(it) => format!("the job is {}", job(it.state)),
        Error::TooEarly(it) => format!("block {} is not there yet, or was the last one", it.height),
        Error::TooLate(_) => "it is too late".into(),
        Error::WrongRoots(_) => "these are not the roots that were committed to".into(),
        Error::NotChosen(it) => format!("the round does not ask worker {}", it.worker),
        Error::AlreadyReported(it) => format!("{} has reported it already", it.authority),
        Error::NoQuorum(it) => format!(
            "{} of {} authorities have reported, and more than half must",
            it.reports, it.authorities
        ),
        _ => return None,
    })
}

const fn fault(fault: OrderFault) -> &'static str {
    match fault {
        OrderFault::Size => "m, k and p are from 1 to 32,768",
        OrderFault::Rounds => "rounds are from 1 to 1,024",
        OrderFault::Rows => "m times rounds is more than 4,194,304",
        OrderFault::Samples => "samples are from 1 to 256",
        OrderFault::Results => "results are from 1 to 4,096",
        OrderFault::Time => "commitSeconds is from 30 to 604,800",
        OrderFault::Class => "there is no such class",
        _ => "its roots and proof are too long for one transaction",
    }
}

const fn slot(state: SlotState) -> &'static str {
    match state {
        SlotState::Open => "open: nobody was drawn for it yet",
        SlotState::Taken => "taken: a worker has it",
        SlotState::Done => "done and paid for",
        _ => "cancelled",
    }
}

const fn job(state: JobState) -> &'static str {
    match state {
        JobState::None => "none that there is",
        JobState::Assigned => "assigned, and waits for its commitment",
        JobState::Committed => "committed, and waits to be opened",
        JobState::Verified => "verified already",
        JobState::Failed => "failed already",
        JobState::Late => "late already",
        _ => "settled already",
    }
}

/// `Name(Name { .. })`, as generated enumerations print, is `Name { .. }`.
fn without_repetition(text: &str) -> String {
    let inner = text.split_once('(').and_then(|(name, rest)| {
        let inner = rest.strip_suffix(')')?;
        inner.starts_with(name).then_some(inner)
    });
    inner.unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::ICompute;
    use alloy_primitives::address;
    use alloy_sol_types::{Revert, SolError};

    fn said(error: &impl SolError) -> String {
        words(&error.abi_encode().into())
    }

    #[test]
    fn errors_are_words_and_say_what_to_do() {
        let worker = address!("00000000000000000000000000000000000000aa");
        let none = said(&ICompute::NoSuchWorker { worker });
        assert_eq!(none.matches("0x00000000000000000000000000000000000000AA").count(), 1, "{none}");
        assert!(none.contains("mfenx worker") && !none.contains("NoSuchWorker"), "{none}");
        let never = said(&ICompute::NotExited { worker });
        assert!(never.contains("mfenx worker exit"), "{never}");
        let early = said(&ICompute::NotYet { time: U256::from(1_700) });
        assert!(early.contains("1700") && early.contains("with the next block"), "{early}");
        // Both of whoever is nobody and of an agent that wants too much.
        let caller = said(&ICompute::NotOperator { caller: worker });
        assert!(caller.contains("only its operator") && !caller.contains("neither"), "{caller}");
        let min = U256::from(10).pow(U256::from(18));
        let stake = said(&ICompute::StakeTooSmall { stake: U256::ZERO, min });
        assert!(stake.contains("1.0") && stake.contains("JULIAN"), "{stake}");
        assert!(said(&ICompute::WrongJob { state: JobState::Late }).contains("late"));
        assert!(said(&ICompute::Busy { live: 3 }).starts_with("3 jobs"));
    }

    #[test]
    fn a_wait_is_told_in_units_of_its_size_and_never_too_short() {
        for (seconds, text) in [
            (0, "with the next block"),
            (119, "in 119 seconds"),
            (120, "in 2 min"),
            (121, "in 3 min"),
            (3_541, "in 1 h 0 min"),
            (7_260, "in 2 h 1 min"),
            (86_400, "in 1 d 0 h"),
            (86_401, "in 1 d 1 h"),
            (602_000, "in 7 d 0 h"),
            (604_799, "in 7 d 0 h"),
        ] {
            assert_eq!(from_now(seconds), text, "{seconds}");
        }
        let never = said(&ICompute::NotYet { time: U256::MAX });
        assert!(never.contains(" d "), "{never}");
    }

    /// No error of the contract is printed as the code has it: `Name { field: ... }`.
    #[test]
    fn every_error_has_words() {
        let selectors = Error::selectors();
        for selector in selectors {
            let zeros = [&selector[..], &[0; 128]].concat();
            let decoded = (0..=4).find_map(|fields| {
                let input = zeros.get(..4 + 32 * fields)?;
                Error::abi_decode_validate(input).ok().map(|_| Bytes::copy_from_slice(input))
            });
            let text = words(&decoded.unwrap());
            assert!(!text.contains('{') && !text.contains('('), "{text}");
        }
    }

    #[test]
    fn what_is_no_error_of_the_contract_is_shown() {
        assert_eq!(words(&Revert::from("why").abi_encode().into()), "revert: why");
        assert!(words(&Bytes::from(vec![0xff, 0xfe])).contains("0xfffe"));
        assert_eq!(without_repetition("Busy(Busy { live: 1 })"), "Busy { live: 1 }");
        assert_eq!(without_repetition("a (b)"), "a (b)");
    }
}
