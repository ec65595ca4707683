//! The registry's errors in words for an operator.

use alloy_primitives::hex;
use alloy_sol_types::SolInterface;
use mfenx_engine::IAuthorities::IAuthoritiesErrors as Error;

/// What a revert means, and what to do.
pub(super) fn words(reason: &[u8]) -> String {
    let Ok(error) = Error::abi_decode_validate(reason) else {
        return format!("it reverted with {}", hex::encode_prefixed(reason));
    };
    match error {
        Error::NotAuthority(it) => {
            format!("{} is no authority of this epoch; only those propose and vote", it.caller)
        }
        Error::NoSuchProposal(it) => {
            format!("there is no proposal {}; `mfenx authorities list` shows what is open", it.id)
        }
        Error::AlreadyVoted(it) => {
            format!("{} has voted for proposal {} already", it.operator, it.id)
        }
        Error::AlreadyExecuted(it) => format!("proposal {} has taken effect already", it.id),
        Error::Expired(it) => {
            format!("proposal {} lapsed after epoch {}; propose it anew", it.id, it.lastEpoch)
        }
        Error::Stale(it) => format!(
            "{} has changed since proposal {} was made, which is void; propose it anew",
            it.operator, it.id
        ),
        Error::NoMajority(it) => format!(
            "proposal {} has {} of {} power, and needs more than half",
            it.id, it.power, it.total
        ),
        Error::ZeroOperator(_) => "the operator is the address 0".into(),
        Error::ZeroPower(_) => "the power is 0; to remove somebody, propose that".into(),
        Error::ZeroKey(_) => "a key is 0".into(),
        Error::KeyInUse(it) => format!(
            "the key {} stands twice, or was another's or in another role before; make new keys",
            it.key
        ),
        Error::AlreadyMember(it) => {
            format!("{} is an authority already, or will be; propose a change instead", it.operator)
        }
        Error::NotMember(it) => format!("{} is no authority, or has left already", it.operator),
        Error::NothingChanges(it) => {
            format!("{} has these keys and this power already", it.operator)
        }
        Error::TooManyAuthorities(it) => {
            format!("there are {} authorities, and no more can be", it.max)
        }
        Error::LastAuthority(_) => "the last authority cannot leave".into(),
        Error::TooMuchPower(it) => {
            format!("the power of all would be {}, above 2^63 - 1", it.total)
        }
        Error::TooMuchChange(it) => format!(
            "{} of {} power would change in one epoch, more than a third; `mfenx authorities execute` \
             in the next epoch",
            it.changed, it.total
        ),
        Error::NotFinal(it) => {
            format!("the set of epoch {} can still change in epoch {}", it.wanted, it.current)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_sol_types::SolError;
    use mfenx_engine::IAuthorities;

    #[test]
    fn a_refusal_says_what_to_do() {
        let stale = IAuthorities::Stale { id: 7_u64.try_into().unwrap(), operator: [1; 20].into() };
        let said = words(&stale.abi_encode());
        assert!(said.contains("proposal 7") && said.contains("propose it anew"), "{said}");
        assert_eq!(words(&[1, 2, 3]), "it reverted with 0x010203");
    }
}
