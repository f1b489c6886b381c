//! How far the fold is, as the admin plane shows it.

use super::engine::Engine;
use crate::admin::parts::StageLag;
use crate::admin::{Progress, Standing};
use millstream_event::Timestamp;
use std::sync::Arc;

/// The fold of one engine.
pub struct Folding(pub Arc<Engine>);

impl Progress for Folding {
    fn standing(&self) -> Standing {
        let progress = self.0.active().consumer.progress();
        let known = |stamp: Timestamp| (stamp > Timestamp::default()).then_some(stamp);
        Standing {
            as_of: (self.0.clock)(),
            watermark: known(progress.watermark),
            complete_until: known(progress.complete_until),
            drained: progress.drained,
            refolding: self.0.succession().changes_rules(),
            lag: vec![
                StageLag { stage: "fold", records: progress.lag_records },
                StageLag { stage: "outbox", records: progress.outbox },
            ],
        }
    }
}
