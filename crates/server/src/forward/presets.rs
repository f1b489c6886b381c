//! The presets: destination files that come with the program, to be laid a few lines over.

/// Name and text of each.
const PRESETS: [(&str, &str); 10] = [
    ("ga4", include_str!("../../data/destinations/ga4.toml")),
    ("google_ads", include_str!("../../data/destinations/google_ads.toml")),
    ("meta", include_str!("../../data/destinations/meta.toml")),
    ("millstream", include_str!("../../data/destinations/millstream.toml")),
    ("parquet", include_str!("../../data/destinations/parquet.toml")),
    ("s3", include_str!("../../data/destinations/s3.toml")),
    ("segment", include_str!("../../data/destinations/segment.toml")),
    ("snowplow", include_str!("../../data/destinations/snowplow.toml")),
    ("tiktok", include_str!("../../data/destinations/tiktok.toml")),
    ("webhook", include_str!("../../data/destinations/webhook.toml")),
];

/// The text of a preset.
pub fn text(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of all presets.
pub fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}
