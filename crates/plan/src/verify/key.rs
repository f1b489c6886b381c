//! Keys of expected values: `wq_p95`, `W_high`, `batch50_acks`, `leaf_quantile_needed_for_p99_of_100`.

/// The share in `p50`, `p95`, `p99.9`, `p99_9`, `p999`.
pub(super) fn quantile(key: &str) -> Option<f64> {
    let digits = key.strip_prefix('p')?;
    let whole = digits.split(['.', '_']).next().map_or(0, str::len);
    if whole < digits.len() {
        let joined: alloc::string::String = digits.chars().filter(char::is_ascii_digit).collect();
        let scale = libm::pow(10.0, (joined.len() - whole + 2) as f64);
        return joined.parse::<u32>().ok().map(|number| f64::from(number) / scale);
    }
    let number: u32 = digits.parse().ok()?;
    let scale = libm::pow(10.0, digits.len().max(2) as f64);
    Some(f64::from(number) / scale)
}

/// The numbers in a key, in order: `B_10_4.46` gives 10 and 4.46.
pub(super) fn numbers(key: &str) -> impl Iterator<Item = f64> + '_ {
    key.split(|letter: char| !(letter.is_ascii_digit() || letter == '.'))
        .filter_map(|digits| digits.trim_matches('.').parse().ok())
}

/// Which member of a list a word means: `high`, `low`, `mid`, a letter, a number counted from `first`.
pub(super) fn member(word: &str, count: usize, first: usize) -> Option<usize> {
    let at = match word {
        "high" | "hi" => 0,
        "low" | "lo" => count.checked_sub(1)?,
        "mid" | "medium" | "middle" => count / 2,
        _ => {
            let digits = word.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
            let mut letters = word.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) if letter.is_ascii_uppercase() => {
                    (letter as usize) - ('A' as usize)
                }
                _ => digits.parse::<usize>().ok()?.checked_sub(first)?,
            }
        }
    };
    (at < count).then_some(at)
}

/// Small numbers in words: `three_layers_worst`.
pub(super) fn in_words(word: &str) -> Option<u32> {
    const WORDS: [&str; 10] =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let at = WORDS.iter().position(|known| *known == word);
    at.map(|at| at as u32 + 1).or_else(|| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn keys_are_understood() {
        assert_eq!(quantile("p50"), Some(0.5));
        assert_eq!(quantile("p999"), Some(0.999));
        assert_eq!(quantile("p99.9"), Some(0.999));
        assert_eq!(quantile("p5"), Some(0.05));
        assert_eq!(numbers("B_10_4.46").collect::<Vec<_>>(), [10.0, 4.46]);
        assert_eq!(member("low", 3, 1), Some(2));
        assert_eq!(member("B", 2, 0), Some(1));
        assert_eq!(member("class2", 3, 1), Some(1));
        assert_eq!(in_words("three"), Some(3));
    }
}
