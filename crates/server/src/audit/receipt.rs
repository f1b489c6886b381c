//! Receipts that somebody shows: whether they are ours, and whether the log holds the choice.

use super::{Chain, Fact, Sources};
use crate::receipt::Receipt;
use crate::report::ReportError;
use millstream_event::envelope::decode;
use millstream_pipeline::query;

/// Characters of a text that is no receipt, told of it.
const GIVEN_MAX: usize = 64;

/// What is to be said of a receipt, given as its JSON text.
///
/// # Errors
/// When it is none, when this installation did not give it or it was changed since, and when state
/// cannot be read.
pub fn chain(sources: &Sources<'_>, text: &str) -> Result<Option<Chain>, ReportError> {
    let Ok(receipt) = Receipt::parse(text) else {
        return Err(ReportError::Invalid {
            what: "the receipt",
            given: text.chars().take(GIVEN_MAX).collect(),
            wanted: "give the JSON object that stood under `receipt` in the answer to the choice",
        });
    };
    if !receipt.is_ours(sources.receipt_key) {
        return Err(ReportError::Receipt);
    }
    let mut logged = None;
    for trace in query::copies(sources.state, sources.generation, &receipt.id)? {
        let record = sources.log.read_at(trace.lane, trace.dedup.position).ok().flatten();
        let event = record.and_then(|it| decode(it.header.contract_version, &it.payload).ok());
        if event.and_then(|event| Receipt::read(&event)).is_some_and(|kept| kept == receipt) {
            logged = Some(format!("lane {}, ordinal {}", trace.lane, trace.dedup.position.0));
        }
    }
    let logged =
        logged.unwrap_or_else(|| match receipt.granted.iter().any(|one| one == "measurement") {
            true => "no longer kept: erased, past its retention, or counted under another copy"
                .to_owned(),
            false => "not kept: measurement was denied".to_owned(),
        });
    let chain = Chain::new("receipt", receipt.id.clone());
    Ok(Some(facts(chain, &receipt, true).with("record", logged)))
}

/// With what a receipt says.
pub(super) fn facts(chain: Chain, receipt: &Receipt, holds: bool) -> Chain {
    let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let holds = if holds { "holds" } else { "broken: the record was changed, or the key" };
    chain
        .with("made", receipt.made.as_str())
        .with("granted", Fact::List(receipt.granted.clone()))
        .with_known("text", known(&receipt.text))
        .with_known("text_version", known(&receipt.text_version))
        .with("recorded_by", receipt.recorded_by.as_str())
        .with_known("anonymous_id", known(&receipt.anonymous_id))
        .with_known("user_id", known(&receipt.user_id))
        .with("signature", receipt.signature.as_str())
        .with("receipt", holds)
}
