//! Whatever the bytes: a value or an error, in bounded work.

use proptest::prelude::*;

use super::material::facts;
use crate::fabric::genesis::{Origin, genesis};
use crate::fabric::metrics::Samples;
use crate::fabric::{block, participation};
use crate::model::names::ChannelId;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_block_and_no_answer(bytes in prop::collection::vec(any::<u8>(), 0..600), status in 100..600_u16) {
        prop_assert!(block::read(&bytes).is_err());
        let channel = ChannelId::parse("ch1").unwrap();
        prop_assert!(participation::one(&channel, status, &bytes).is_err());
        prop_assert!(participation::joined(&channel, status, &bytes).is_err());
        drop(participation::list(status, &bytes));
        drop(Samples::read(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn a_block_with_any_changed_byte_is_read_as_another_or_refused(place in 0..4000_usize, by in 1..=255_u8, nonce in any::<[u8; 24]>()) {
        let at = "2026-11-27T00:00:00Z".parse().unwrap();
        let good = genesis(&facts("one", 1, 1, false), Origin { nonce, at }).unwrap();
        let mut changed = good.clone();
        let place = place % changed.len();
        changed[place] = changed[place].wrapping_add(by);
        // Bytes that nothing covers (metadata) may change; what is read never differs in silence from its hash.
        if let Ok(read) = block::read(&changed) {
            prop_assert_eq!(read.config, block::read(&good).unwrap().config);
        }
    }
}
