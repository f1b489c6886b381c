//! `POST /v1/rum`: browser timings. A Segment-shaped call whose `properties` hold the timings:
//! navigation, resources, web vitals, network information.

use super::answer::{self, Answer};
use super::body;
use super::exchange::Exchange;
use super::intake::{self, Setting};
use super::refusal::Refusal;
use hyper::body::Incoming;
use millstream_event::EventKind;
use millstream_event::wire::segment::{Body, Call};

/// One timing event durable, or a refusal.
pub(super) async fn answer(
    exchange: &mut Exchange<'_>,
    incoming: Incoming,
) -> Result<Answer, Refusal> {
    let body::Body { bytes, mut held } = body::read(exchange, incoming).await?;
    let limits = exchange.plane.options.limits.of_events();
    // Read as a page view, for its page, its identity and its clock; it is none.
    let call = Body::single(Some(Call::Page), &bytes)?;
    held.add(call.held_bytes())?;
    let source = exchange.source(call.write_key())?;
    let setting = Setting::of(exchange);
    let receipt = setting.receipt(exchange, source, &bytes);
    let outcomes = call.outcomes(&receipt, &limits).map(|outcome| {
        outcome.map(|mut parsed| {
            parsed.event.kind = EventKind::Timing;
            parsed.event.arrival = None;
            parsed.event.click = None;
            parsed
        })
    });
    intake::keep(exchange, &setting, (outcomes, bytes.len())).await?;
    Ok(answer::success())
}
