use super::*;

fn chores() -> Chores {
    Chores::new(Address::repeat_byte(1))
}

#[test]
fn every_slot_of_a_large_order_has_its_turn() {
    let mut chores = chores();
    let (order, results) = (U256::from(7), SLOTS_OF_ORDER_MAX + 3);
    chores.watch_all(order, results, 5);
    assert_eq!(chores.watched(), SLOTS_OF_ORDER_MAX as usize);
    for slot in 0..results {
        assert!(chores.slots.contains_key(&(order, slot)), "slot {slot}");
        chores.forget((order, slot), 9);
        // What is not watched brings nothing in.
        chores.forget((order, slot), 9);
    }
    assert!(chores.slots.is_empty() && chores.later.is_empty(), "{chores:?}");
}

/// Whatever is posted and redrawn, nothing is kept of orders that are not watched.
#[test]
fn every_list_is_bounded() {
    let mut chores = chores();
    // Large ones among small ones, until long after there is room.
    for order in 0..SLOTS_MAX as u64 {
        let (order, is_large) = (U256::from(order), order % 512 == 0);
        chores.watch_all(order, if is_large { u32::MAX } else { 1 }, 5);
        chores.draw_again((order, 0), 6);
    }
    assert_eq!(chores.watched(), SLOTS_MAX);
    let orders: std::collections::BTreeSet<U256> =
        chores.slots.keys().map(|(order, _)| *order).collect();
    assert!(chores.vain.keys().all(|order| orders.contains(order)));
    assert!(chores.later.keys().all(|order| orders.contains(order)));
    let mut slots: Vec<_> = chores.slots.keys().copied().collect();
    while let Some(slot) = slots.pop() {
        // Without what waits behind, so that the end comes.
        chores.later.clear();
        chores.forget(slot, 9);
    }
    let Chores { slots, vain, later, .. } = &chores;
    assert!(slots.is_empty() && vain.is_empty() && later.is_empty(), "{chores:?}");
}

#[test]
fn an_order_that_fits_nobody_makes_room_in_the_end() {
    let mut chores = chores();
    let (hopeless, other) = (U256::from(1), U256::from(2));
    chores.watch_all(hopeless, SLOTS_OF_ORDER_MAX, 5);
    for order in 3..=SLOTS_MAX as u64 / u64::from(SLOTS_OF_ORDER_MAX) + 1 {
        chores.watch_all(U256::from(order), SLOTS_OF_ORDER_MAX, 5);
    }
    assert_eq!(chores.watched(), SLOTS_MAX);
    for times in 1..=VAIN_MAX.into() {
        chores.watch_all(other, 1, 5);
        assert!(!chores.is_watched(other), "not after {times} draws in vain");
        chores.draw_again((hopeless, 0), 100 * times);
        let at = chores.slots[&(hopeless, 0)].at;
        assert!((100 * times + 1..=100 * times + PATIENCE).contains(&at), "{at}");
    }
    chores.watch_all(other, 1, 5);
    assert!(chores.is_watched(other) && !chores.is_watched(hopeless));
    assert!(chores.vain.is_empty(), "{:?}", chores.vain);
}

/// Looked at again after 8, 16, ... 128 blocks, without an end; a new beacon is looked at as soon as
/// the first was, and what nobody wants for long makes room.
#[test]
fn a_draw_that_is_left_out_is_looked_at_later_and_later() {
    let mut chores = chores();
    let slot = (U256::from(7), 0);
    chores.watch(slot, 5);
    let mut height = 10;
    for pause in [8, 16, 32, 64, 128, 128, 128, 128, 128] {
        chores.leave_out(slot, height);
        let at = chores.slots[&slot].at;
        assert_eq!(at, height + pause + chores.patience(slot));
        height = at;
    }
    assert_eq!(chores.vain[&slot.0], VAIN_MAX);
    chores.draw_again(slot, height);
    assert_eq!(chores.slots[&slot].left_out, 0);
    chores.make_room();
    assert!(!chores.is_watched(slot.0) && chores.vain.is_empty(), "{chores:?}");
    // What is not watched is not watched for this.
    chores.leave_out(slot, height);
    assert!(chores.slots.is_empty() && chores.vain.is_empty(), "{chores:?}");
}

#[test]
fn slots_are_bounded_and_left_to_others_for_a_few_blocks() {
    let mut chores = chores();
    for slot in 0..=SLOTS_MAX as u32 {
        chores.watch((U256::from(1), slot), 10);
    }
    assert_eq!(chores.watched(), SLOTS_MAX);
    assert!(chores.slots.values().all(|it| (11..11 + PATIENCE).contains(&it.at)));
    let other = Chores::new(Address::repeat_byte(2));
    let differ = (0..64).filter(|slot| {
        let slot = (U256::from(1), *slot);
        chores.patience(slot) != other.patience(slot)
    });
    assert!(differ.count() > 16, "workers act at the same time");
}
