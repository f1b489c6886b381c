//! Rows of tables under a map that uses every kind of origin; cells are split at line ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_event::control::Settings;
use millstream_event::wire::Receipt;
use millstream_event::wire::csv_map::{CsvMap, Origin, Target, TimeFormat, parse};
use millstream_event::{SourceId, Timestamp};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let cells: Vec<&str> = text.split('\n').collect();
    let kinds = [("i", "touch"), ("c", "conversion"), ("p", "page"), ("t", "track")];
    let kinds = kinds.map(|(from, to)| (from.into(), to.into())).into();
    let columns = Target::NAMES.iter().filter_map(|name| Target::parse(name)).enumerate();
    let mut fields: Vec<(Target, Origin)> = columns
        .filter(|(_, target)| !matches!(target, Target::Kind | Target::Currency))
        .map(|(column, target)| (target, Origin::Column(column + 2)))
        .collect();
    fields.push((Target::Kind, Origin::Mapped(1, kinds)));
    fields.push((Target::Currency, Origin::Constant("EUR".into())));
    let settings = Settings::default();
    let source = SourceId::parse("fuzz").expect("a valid id");
    let receipt = Receipt::new(source, Timestamp(0), &settings);
    for time_format in [TimeFormat::Rfc3339, TimeFormat::UnixMilliseconds, TimeFormat::UnixSeconds]
    {
        let map = CsvMap { time: Origin::Column(0), time_format, fields: fields.clone() };
        if let Ok(parsed) = parse((&map, &|_| None), &cells, 0, &receipt) {
            assert!(parsed.event.encode().is_ok());
        }
    }
});
