//! The tree as people and machines read it, and chains through a real log and fold.

mod revisions;
mod shop;

use super::Chain;

fn sample() -> Chain {
    Chain::new("conversion", "0f")
        .with("name", "Order Completed")
        .with("value", "12.50 USD")
        .over(
            Chain::new("person", "ab")
                .with("devices", super::Fact::List(vec!["d1".into(), "d2".into()])),
        )
        .over(
            Chain::new("touch", "cd")
                .with("channel", "email\u{1b}[2J")
                .with("bot", false)
                .over(Chain::new("credit", "linear").with("weight_ppb", 1_000_000_000_u32)),
        )
}

#[test]
fn a_chain_as_a_tree() {
    insta::assert_snapshot!("chain_tree", sample().to_tree());
}

#[test]
fn a_chain_as_json() {
    insta::assert_snapshot!("chain_json", serde_json::to_string_pretty(&sample()).unwrap());
}
