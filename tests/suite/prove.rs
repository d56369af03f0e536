//! The mutation proof: every rule catches a fault, with the right party; what means nothing changes nothing.

use std::sync::Arc;

use tilltape::pack::{self, Pack, Sources};
use tilltape::prove::{Proof, exchanges};

fn packs() -> Vec<Arc<Pack>> {
    let sources = Sources::embedded();
    sources.packs().map(|name| Arc::new(pack::load(&sources, name).unwrap())).collect()
}

#[test]
fn every_rule_is_caught_by_an_operator_with_the_right_party_accused() {
    for pack in packs() {
        let proof = Proof::of(&pack, &exchanges(&pack));
        let uncaught: Vec<_> = proof.uncaught().map(|rule| rule.code.to_string()).collect();
        assert!(uncaught.is_empty(), "{}: no operator is caught by {uncaught:?}", pack.name);
    }
}
