//! Commented plans to begin with.

use crate::named::named;

named! {
    /// A plan to begin with.
    Template {
        /// One region, a web server, a database, a newsletter.
        SmallShop = "small-shop",
        /// Many readers, a CDN, few writes, breaking news.
        Publisher = "publisher",
        /// Two regions that copy each other.
        MultiRegion = "multi-region",
        /// Edge nodes near the users, an origin behind them.
        EdgeOrigin = "edge-origin",
        /// The four planes of an accelerator cluster.
        AiCluster = "ai-cluster",
    }
}

impl Template {
    /// The commented file.
    pub const fn text(self) -> &'static str {
        match self {
            Self::SmallShop => include_str!("../templates/small_shop.toml"),
            Self::Publisher => include_str!("../templates/publisher.toml"),
            Self::MultiRegion => include_str!("../templates/multi_region.toml"),
            Self::EdgeOrigin => include_str!("../templates/edge_origin.toml"),
            Self::AiCluster => include_str!("../templates/ai_cluster.toml"),
        }
    }
}
