//! Random lives of a registry: whatever the authorities do, what was final stays, and each set is
//! one that could be named in a chain file and differs from the one before it by a third at most.

use super::{super::IAuthorities, support::*};
use IAuthorities::IAuthoritiesEvents as Event;
use alloy_primitives::{Address, U256};
use mfenx_chainspec::check_authorities;
use mfenx_primitives::Authority;
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Action {
    Add {
        by: u8,
        who: u8,
        keys: u8,
        power: u64,
    },
    Change {
        by: u8,
        who: u8,
        keys: u8,
        power: u64,
    },
    Remove {
        by: u8,
        who: u8,
    },
    /// Somebody votes for one of the latest proposals.
    Vote {
        by: u8,
        back: u64,
    },
    /// Everybody up to `count` does.
    Votes {
        count: u8,
        back: u64,
    },
    Execute {
        back: u64,
    },
    Blocks(u64),
}

const PEOPLE: u8 = 8;

fn action() -> impl Strategy<Value = Action> {
    let who = || 0..PEOPLE;
    let power = || 1..5_u64;
    prop_oneof![
        2 => (who(), who(), who(), power())
            .prop_map(|(by, who, keys, power)| Action::Add { by, who, keys, power }),
        2 => (who(), who(), who(), power())
            .prop_map(|(by, who, keys, power)| Action::Change { by, who, keys, power }),
        1 => (who(), who()).prop_map(|(by, who)| Action::Remove { by, who }),
        2 => (who(), 0..4_u64).prop_map(|(by, back)| Action::Vote { by, back }),
        4 => (who(), 0..2_u64).prop_map(|(count, back)| Action::Votes { count: count + 1, back }),
        1 => (0..6_u64).prop_map(|back| Action::Execute { back }),
        3 => (0..3 * EPOCH_BLOCKS).prop_map(Action::Blocks),
    ]
}

/// What an observer knows who reads events and sets, and not the storage.
struct Observer {
    registry: Registry,
    /// Sets by epoch, as they were first read.
    sets: BTreeMap<u64, Vec<Authority>>,
    /// Who voted for a proposal, whatever became of them.
    voters: BTreeMap<U256, Vec<Address>>,
    executed: Vec<U256>,
}

impl Observer {
    fn act(&mut self, action: Action) {
        let registry = &mut self.registry;
        let count = registry.view(&IAuthorities::proposalCountCall {}).unwrap();
        let id = |back: u64| count.saturating_sub(U256::from(back + 1));
        let subject = |who: u8, keys: u8, power| {
            // Mostly one's own keys; sometimes fresh ones, sometimes another's.
            let mut subject = member(if keys < PEOPLE / 2 { who } else { keys + 100 }, power);
            subject.operator = operator(who);
            subject
        };
        let without_number = |(_, done)| done;
        // What is refused changes nothing, and is tested elsewhere.
        let done: Vec<Done> = match action {
            Action::Add { by, who, keys, power } => {
                let done = registry.add(by, subject(who, keys, power));
                done.map(without_number).into_iter().collect()
            }
            Action::Change { by, who, keys, power } => {
                let done = registry.change(by, subject(who, keys, power));
                done.map(without_number).into_iter().collect()
            }
            Action::Remove { by, who } => {
                registry.remove(by, who).map(without_number).into_iter().collect()
            }
            Action::Vote { by, back } => registry.vote(by, id(back)).into_iter().collect(),
            Action::Votes { count, back } => {
                (0..count).filter_map(|by| registry.vote(by, id(back)).ok()).collect()
            }
            Action::Execute { back } => registry.execute(0, id(back)).into_iter().collect(),
            Action::Blocks(blocks) => {
                registry.height += blocks;
                Vec::new()
            }
        };
        for done in done {
            self.saw(done);
        }
        self.look();
    }

    /// An execution had a majority of the set in force, by votes that were cast, and was the first.
    fn saw(&mut self, done: Done) {
        let current = self.registry.set(self.registry.epoch());
        for event in done.events {
            match event {
                Event::Voted(voted) => {
                    assert!(current.iter().any(|member| member.operator == voted.operator));
                    self.voters.entry(voted.id).or_default().push(voted.operator);
                }
                Event::Executed(executed) => {
                    assert!(!self.executed.contains(&executed.id), "executed twice");
                    self.executed.push(executed.id);
                    assert_eq!(executed.epoch, self.registry.epoch() + 2);
                    let voters = &self.voters[&executed.id];
                    let voted = current.iter().filter(|member| voters.contains(&member.operator));
                    let power: u64 = voted.map(|member| member.power).sum();
                    assert!(2 * power > total(&current), "{power} of {}", total(&current));
                }
                _ => {}
            }
        }
    }

    /// Final sets stay, and follow each other as they should.
    fn look(&mut self) {
        let next = self.registry.epoch() + 1;
        for epoch in next.saturating_sub(2)..=next {
            let set = self.registry.set(epoch);
            check_authorities(&set).unwrap();
            let first = self.sets.entry(epoch).or_insert_with(|| set.clone());
            assert_eq!(*first, set, "the set of epoch {epoch} was final");
        }
        for (epoch, set) in &self.sets {
            if let Some(before) = epoch.checked_sub(1).and_then(|before| self.sets.get(&before)) {
                let (changed, operators) = difference(before, set);
                let few = before.len() < 3 && operators <= 1;
                assert!(few || 3 * changed <= total(before), "epoch {epoch}: {changed}");
            }
        }
    }
}

fn total(set: &[Authority]) -> u64 {
    set.iter().map(|member| member.power).sum()
}

/// The power that is not with the same keys as before, and of how many operators.
fn difference(before: &[Authority], after: &[Authority]) -> (u64, usize) {
    let find = |set: &[Authority], operator| {
        set.iter().find(|member| member.operator == operator).cloned()
    };
    let mut operators: Vec<_> = before.iter().chain(after).map(|member| member.operator).collect();
    operators.sort_unstable();
    operators.dedup();
    let power = |operator| match (find(before, operator), find(after, operator)) {
        (Some(old), Some(new)) if (Authority { power: new.power, ..old.clone() }) == new => {
            old.power.abs_diff(new.power)
        }
        (old, new) => {
            let power = |member: Option<Authority>| member.map_or(0, |member| member.power);
            power(old).max(power(new))
        }
    };
    let powers: Vec<u64> = operators.into_iter().map(power).filter(|power| *power > 0).collect();
    (powers.iter().sum(), powers.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..Default::default() })]

    #[test]
    fn sets_stay_as_they_should(
        powers in vec(1..4_u64, 1..5),
        actions in vec(action(), 1..60),
    ) {
        let registry = Registry::new(&powers);
        let (sets, voters) = (BTreeMap::new(), BTreeMap::new());
        let mut observer = Observer { registry, sets, voters, executed: Vec::new() };
        for action in actions {
            observer.act(action);
        }
    }
}
