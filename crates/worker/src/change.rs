//! What is changed of a worker that is registered: its terms, its declaration.

use crate::{
    contract::Contract,
    device::Detected,
    error::WorkerError,
    interface::ICompute::{self, Device, Terms, Worker},
    register::declaration,
    report::find,
};
use alloy_primitives::{Address, U256, utils::format_ether};
use ed25519_dalek::SigningKey;
use mfenx_client::Receipt;

/// What whoever starts a worker asks for; what is none stays as the contract has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The class.
    pub class: Option<u8>,
    /// Jobs at a time.
    pub capacity: Option<u32>,
    /// Least reward of a result, gwei.
    pub base: Option<u64>,
    /// And gwei for 10^12 units of work.
    pub price: Option<u64>,
    /// Wei at stake.
    pub stake: Option<U256>,
}

impl Wishes {
    /// These terms, with `old` for what is not asked for.
    fn terms(&self, old: &Terms) -> Terms {
        Terms {
            capacity: self.capacity.unwrap_or(old.capacity),
            base: self.base.unwrap_or(old.base),
            price: self.price.unwrap_or(old.price),
        }
    }
}

fn known(contract: &Contract, worker: Address) -> Result<Worker, WorkerError> {
    find(contract, worker)?.ok_or(WorkerError::Unregistered { worker })
}

/// Changes the terms that are asked for, and leaves the others.
///
/// # Errors
/// The contract refuses, and says why.
pub fn set_terms(
    contract: &Contract,
    worker: Address,
    wishes: &Wishes,
) -> Result<Receipt, WorkerError> {
    let terms = wishes.terms(&known(contract, worker)?.terms);
    contract.send(&ICompute::setTermsCall { worker, terms }, U256::ZERO)
}

/// Brings a registered worker to what is asked for where a transaction without further effect does;
/// what was changed, and what was not and how it is, in words.
///
/// # Errors
/// The worker is not registered, or the contract refuses.
pub fn adjust(
    contract: &Contract,
    worker: Address,
    wishes: &Wishes,
    device: &Detected,
) -> Result<Vec<String>, WorkerError> {
    let it = known(contract, worker)?;
    let mut said = Vec::new();
    let terms = wishes.terms(&it.terms);
    if terms != it.terms {
        set_terms(contract, worker, wishes)?;
        said.push(format!("terms changed from {} to {}", in_words(&it.terms), in_words(&terms)));
    }
    said.extend(differences(&it, wishes, device));
    Ok(said)
}

fn in_words(Terms { capacity, base, price }: &Terms) -> String {
    format!("--capacity {capacity} --base {base} --price {price}")
}

/// What is asked for and is not so, and which command changes it.
fn differences(it: &Worker, wishes: &Wishes, device: &Detected) -> Vec<String> {
    let mut all = Vec::new();
    if !it.exitedAt.is_zero() {
        all.push(
            "the worker has left: it is measured and drawn no more; `mfenx worker release` pays its \
             stake when the time is over"
                .to_owned(),
        );
    }
    if let Some(class) = wishes.class.filter(|class| *class != it.class) {
        all.push(format!(
            "--class {class} is ignored, the worker has class {}: `mfenx worker attest --class \
             {class}` declares the other, and makes the measurement void until the next round",
            it.class
        ));
    }
    let stake = U256::from(it.stake);
    if let Some(wanted) = wishes.stake.filter(|wanted| *wanted != stake) {
        let what = if wanted > stake {
            let rest = format_ether(wanted - stake);
            format!("`mfenx worker stake --add {rest}` adds what is missing")
        } else {
            "a stake comes back with `mfenx worker exit` and `release` only".to_owned()
        };
        let (wanted, stake) = (format_ether(wanted), format_ether(stake));
        all.push(format!("--stake {wanted} is ignored, {stake} JULIAN are at stake: {what}"));
    }
    let found = Device::from(device);
    let parts = [
        ("driver", found.driver != it.device.driver),
        ("PCI id", found.pci != it.device.pci),
        ("NVML", found.nvml != it.device.nvml),
        ("card", found.fingerprint != it.device.fingerprint),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    if !parts.is_empty() {
        all.push(format!(
            "this device is not the one that was declared ({} differ): `mfenx worker attest` declares \
             it, and makes the measurement void until the next round",
            parts.join(", ")
        ));
    }
    all
}

/// Declares the device, and a class if there is one, anew. The measurement is void after that: the
/// worker is in no draw until a round has measured it.
///
/// # Errors
/// The contract refuses, and says why: jobs are under way, something is banned.
pub fn attest(
    contract: &Contract,
    worker: Address,
    key: &SigningKey,
    class: Option<u8>,
    device: &Detected,
) -> Result<Receipt, WorkerError> {
    let it = known(contract, worker)?;
    let class = class.unwrap_or(it.class);
    let (device, signature) = declaration(contract, it.operator, key, class, device)?;
    contract.send(&ICompute::attestCall { worker, class, device, signature }, U256::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, aliases::U40};

    #[test]
    fn what_is_not_asked_for_stays_and_what_is_ignored_is_said() {
        let terms = Terms { capacity: 4, base: 7, price: 9 };
        let it = Worker { class: 1, stake: 10, terms: terms.clone(), ..Worker::default() };
        let (none, device) = (Wishes::default(), Detected::default());
        assert_eq!(none.terms(&terms), terms);
        let pause = Wishes { capacity: Some(0), ..none };
        assert_eq!(pause.terms(&terms), Terms { capacity: 0, base: 7, price: 9 });
        assert!(differences(&it, &none, &device).is_empty());
        let same = Wishes { class: Some(1), stake: Some(U256::from(10)), ..none };
        assert!(differences(&it, &same, &device).is_empty());

        let said = |wishes: Wishes| match &differences(&it, &wishes, &device)[..] {
            [one] => one.clone(),
            other => panic!("{other:?}"),
        };
        let class = said(Wishes { class: Some(2), ..none });
        assert!(class.contains("worker attest --class 2") && class.contains("void"), "{class}");
        let more = said(Wishes { stake: Some(U256::from(12)), ..none });
        assert!(more.contains("worker stake --add 0.000000000000000002`"), "{more}");
        let less = said(Wishes { stake: Some(U256::from(9)), ..none });
        assert!(less.contains("worker exit") && !less.contains("--add"), "{less}");
        let driver = Some(B256::repeat_byte(1));
        let other = Detected { driver, pci: driver, memory_bytes: 9, ..device.clone() };
        let [declared] = &differences(&it, &none, &other)[..] else { panic!("one line") };
        assert!(declared.contains("driver, PCI id differ"), "{declared}");
        assert!(declared.contains("`mfenx worker attest`"), "{declared}");
        let left = Worker { exitedAt: U40::from(5), ..it.clone() };
        let [gone] = &differences(&left, &none, &device)[..] else { panic!("one line") };
        assert!(gone.contains("has left") && gone.contains("release"), "{gone}");
    }
}
