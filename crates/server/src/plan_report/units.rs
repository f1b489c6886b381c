//! Figures of a plan as people read them: three significant digits and the unit that suits.

/// Three significant digits, without needless zeros: `1.07`, `50`, `250`, `12.5`.
pub fn significant(value: f64) -> String {
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let decimals = usize::try_from((2 - magnitude).clamp(0, 6)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A number with a prefix of its unit: `1.2 G`, `50 k`, `250 `.
fn scaled(value: f64, prefixes: &[(f64, &'static str)]) -> (String, &'static str) {
    let found = prefixes.iter().find(|(factor, _)| value.abs() >= factor * 0.9995);
    let (factor, prefix) = found.copied().unwrap_or((1.0, ""));
    (significant(value / factor), prefix)
}

const DECIMAL: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];

/// `1.25 Gbit/s`
pub fn bits(per_second: f64) -> String {
    let (number, prefix) = scaled(per_second, &DECIMAL);
    format!("{number} {prefix}bit/s")
}

/// `50k/s`, `250/s`
pub fn rate(per_second: f64) -> String {
    let (number, prefix) = scaled(per_second, &DECIMAL);
    format!("{number}{prefix}/s")
}

/// Times below this are told as such.
const SHORTEST_S: f64 = 1e-7;

/// `340 µs`, `1.2 ms`, `2.5 s`, `4 min`, `3.1 h`, `12 days`
pub fn seconds(value: f64) -> String {
    const UNITS: [(f64, &str); 6] = [
        (172_800.0, "days"),
        (7_200.0, "h"),
        (120.0, "min"),
        (1.0, "s"),
        (1e-3, "ms"),
        (1e-6, "µs"),
    ];
    let in_unit =
        [(86_400.0, "days"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];
    if value == 0.0 {
        return "0 s".to_owned();
    }
    if value.abs() < SHORTEST_S {
        return "<0.1 µs".to_owned();
    }
    let place = UNITS.iter().position(|(least, _)| value.abs() >= least * 0.9995);
    let (factor, unit) = in_unit[place.unwrap_or(in_unit.len() - 1)];
    format!("{} {unit}", significant(value / factor))
}

/// Part of a whole: `62 %`, `107 %`, `0.12 %`; never rounds up to 100 % or down to nothing.
pub fn share(value: f64) -> String {
    let percent = value * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        p if p > 0.0 && p < 0.001 => "<0.001 %".to_owned(),
        p if p < 10.0 => format!("{} %", two_digits(p)),
        p if p < 100.0 && p.round() >= 100.0 => "99.9 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

fn two_digits(value: f64) -> String {
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = usize::try_from((1 - magnitude).clamp(0, 6)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `1.8×`
pub fn times(value: f64) -> String {
    format!("{}×", significant(value))
}

/// `front_end` as people write it: `front end`.
pub fn spoken(name: &str) -> String {
    name.replace('_', " ")
}

/// A sentence of the planner: a capital first, a full stop last, and resources as words. Names stand
/// between backticks and stay as they are.
pub fn sentence(text: &str) -> String {
    let parts: Vec<String> = text
        .split('`')
        .enumerate()
        .map(|(index, part)| if index % 2 == 1 { part.to_owned() } else { spoken(part) })
        .collect();
    format!("{}.", capital(parts.join("`").trim_end_matches('.')))
}

/// `Front end`
pub fn titled(name: &str) -> String {
    capital(&spoken(name))
}

/// The beginning of a sentence.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `1,000`: a count with its digits in threes.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 flow`, `3 flows`
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `a`, `a and b`, `a, b and c`, `a, b and 4 more`
pub fn listed(names: &[impl AsRef<str>]) -> String {
    const NAMED_MAX: usize = 3;
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] if names.len() <= NAMED_MAX => format!("{} and {last}", most.join(", ")),
        all => {
            format!("{} and {} more", all[..NAMED_MAX - 1].join(", "), all.len() - NAMED_MAX + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            [0.0, 1.066, 12.34, 999.9, 50_000.0].map(significant),
            ["0", "1.07", "12.3", "1000", "50000"]
        );
        assert_eq!([25e9, 999.9e6, 12.0].map(bits), ["25 Gbit/s", "1 Gbit/s", "12 bit/s"]);
        assert_eq!([50_000.0, 250.0, 0.4].map(rate), ["50k/s", "250/s", "0.4/s"]);
        assert_eq!(
            [0.0, 2e-9, 2e-7, 3.4e-4, 0.0012, 0.15, 2.5, 90.0, 240.0, 9_000.0, 1e6].map(seconds),
            [
                "0 s",
                "<0.1 µs",
                "0.2 µs",
                "340 µs",
                "1.2 ms",
                "150 ms",
                "2.5 s",
                "90 s",
                "4 min",
                "2.5 h",
                "11.6 days"
            ]
        );
        assert_eq!(
            [0.0, 1e-9, 0.0012, 0.051, 0.62, 0.9999, 1.07].map(share),
            ["0 %", "<0.001 %", "0.12 %", "5.1 %", "62 %", "99.9 %", "107 %"]
        );
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&["a", "b", "c", "d"]), "a, b and 2 more");
        assert_eq!(titled("front_end"), "Front end");
    }
}
