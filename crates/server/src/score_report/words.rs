//! What a scorecard says, in sentences that the table and the page share.

use crate::report::number::{amount, grouped, percent};
use millstream_plan::score::{AssessedOption, DRAWS, Scorecard, Standing, WeightFlip};

/// Names of the parts of a cost, in the order of [`cost_parts`].
pub const COST_PARTS: [&str; 5] =
    ["Licence", "Infrastructure", "Engineering", "Incidents", "Reporting delay"];

/// The parts of an option's cost, in the order of [`COST_PARTS`].
pub fn cost_parts(option: &AssessedOption) -> [f64; 5] {
    let cost = &option.cost;
    [cost.licence, cost.infrastructure, cost.engineering, cost.incidents, cost.reporting_delay]
}

/// A name inside a sentence: its first letter small, unless it begins an abbreviation.
pub fn inside(name: &str) -> String {
    let mut letters = name.chars();
    let (first, second) = (letters.next(), letters.next());
    match first {
        Some(first) if second.is_none_or(char::is_lowercase) => {
            first.to_lowercase().chain(name.chars().skip(1)).collect()
        }
        _ => name.to_owned(),
    }
}

/// A score without needless decimals.
pub fn score(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `3 years`, `1 year`.
pub fn years(card: &Scorecard) -> String {
    if card.years == 1.0 { "1 year".to_owned() } else { format!("{} years", score(card.years)) }
}

/// The name of a row, by its key.
pub fn row<'c>(card: &'c Scorecard, id: &'c str) -> &'c str {
    card.criteria.iter().find(|row| row.id == id).map_or(id, |row| row.name.as_str())
}

fn option<'c>(card: &'c Scorecard, name: &str) -> Option<&'c AssessedOption> {
    card.options.iter().find(|option| option.name == name)
}

/// Who comes first, and by how much.
pub fn verdict(card: &Scorecard) -> String {
    let [first, second, ..] = card.options.as_slice() else { return String::new() };
    if first.standing == Standing::RuledOut {
        return "Every option falls short of a row that is a must.".to_owned();
    }
    match (second.standing, card.lead) {
        (Standing::Tied, _) => format!(
            "{} and {} score the same, {:.2} of 5; {} does not cost more.",
            first.name, second.name, first.score, first.name
        ),
        (Standing::Behind, Some(lead)) => format!(
            "{} comes first with {:.2} of 5, {lead:.2} ahead of {}.",
            first.name, first.score, second.name
        ),
        _ => format!(
            "{} scores {:.2} of 5 and is the only option that meets every must.",
            first.name, first.score
        ),
    }
}

/// What the first one costs beside the others.
pub fn cost(card: &Scorecard) -> String {
    let Some(first) = card.options.first() else { return String::new() };
    let (years, currency) = (years(card), &card.currency);
    if first.cost.total == 0.0 {
        return format!("The sheet gives {} no cost.", first.name);
    }
    let own = format!("Over {years} it costs {} {currency}", amount(first.cost.total));
    if card.cheapest == first.name {
        let next = card
            .options
            .iter()
            .filter(|other| other.name != first.name)
            .min_by(|a, b| a.cost.total.total_cmp(&b.cost.total));
        return next.map_or_else(String::new, |next| {
            let less = amount(next.cost.total - first.cost.total);
            format!("{own}, which is the least: {less} below {}.", next.name)
        });
    }
    let Some(cheapest) = option(card, &card.cheapest) else { return format!("{own}.") };
    let more = amount(first.cost.total - cheapest.cost.total);
    let points = first.score - cheapest.score;
    if points > 0.0 && cheapest.standing != Standing::RuledOut {
        format!("{own}, {more} more than {}: the price of {points:.2} points.", cheapest.name)
    } else {
        format!("{own}, {more} more than {}.", cheapest.name)
    }
}

/// How much of the cost the licence is: what a quote leaves out.
pub fn beside_the_licence(card: &Scorecard) -> String {
    let dearest_licence = card
        .options
        .iter()
        .filter(|option| option.cost.licence > 0.0)
        .max_by(|a, b| a.cost.licence.total_cmp(&b.cost.licence));
    let Some(option) = dearest_licence else {
        return "No option has a licence; all of its cost is work, machines and delay.".to_owned();
    };
    let parts = cost_parts(option);
    let largest = (1..parts.len()).max_by(|a, b| parts[*a].total_cmp(&parts[*b])).unwrap_or(1);
    format!(
        "The licence is {} of what {} costs; beside it the largest part is {}, {}.",
        percent(option.cost.licence / option.cost.total),
        option.name,
        COST_PARTS[largest].to_lowercase(),
        percent(parts[largest] / option.cost.total)
    )
}

/// How little would turn the ranking.
pub fn firmness(card: &Scorecard) -> String {
    let Some(winner) = &card.winner else {
        return "Lower a must, or look for another option.".to_owned();
    };
    let Some(shift) = &card.sensitivity.smallest_shift else {
        return format!("No move of weight from one row to another takes {winner} off the top.");
    };
    let manner = match shift.share {
        share if share < 0.05 => "A small move turns it",
        share if share < 0.15 => "A moderate move turns it",
        _ => "It takes a large move to turn it",
    };
    format!(
        "{manner}: {} of all weight taken from {} and given to {} puts {} first.",
        percent(shift.share),
        inside(row(card, &shift.from)),
        inside(row(card, &shift.to)),
        shift.becomes
    )
}

/// Who wins under other weights.
pub fn other_weights(card: &Scorecard) -> String {
    let Some(winner) = &card.winner else { return String::new() };
    let shares = &card.sensitivity.weightings;
    let Some(share) = shares.iter().find(|share| share.option == *winner) else {
        return String::new();
    };
    if shares.len() < 2 {
        return String::new();
    }
    format!(
        "{winner} comes first in {} of weightings with every weight within half of yours, and in {} of any weightings at all (simulated, {} draws each).",
        percent(share.near_weights),
        percent(share.any_weights),
        grouped(DRAWS as u64)
    )
}

/// What rests on claims alone.
pub fn claims(card: &Scorecard) -> Option<String> {
    let count = card.claims.len();
    let rests = match count {
        0 => return None,
        1 => "One score rests on a claim alone".to_owned(),
        count => format!("{count} scores rest on claims alone"),
    };
    let listed: Vec<String> = card
        .claims
        .iter()
        .take(4)
        .map(|weak| format!("{} of {}", inside(row(card, &weak.criterion)), weak.option))
        .collect();
    let more = if count > listed.len() { " and others" } else { "" };
    let (winner, without) = (&card.winner, &card.sensitivity.winner_without_claims);
    let effect = match (winner, without) {
        (Some(winner), Some(without)) if winner == without => {
            format!("a point less on each leaves {winner} first")
        }
        (Some(_), Some(without)) => {
            format!("a point less on each puts {without} first, so check them before deciding")
        }
        _ => "none of them decides".to_owned(),
    };
    Some(format!("{rests} ({}{more}); {effect}.", listed.join(", ")))
}

/// Which rate would make another option the cheapest.
pub fn rates(card: &Scorecard) -> Vec<String> {
    let spoken = |rate| match rate {
        "person_month" => "a person-month",
        "incident_hour" => "an hour of incident",
        _ => "an hour of delay",
    };
    let flips = card.rate_flips.iter().filter(|flip| flip.value > 0.0);
    flips
        .map(|flip| {
            let (direction, currency) =
                (if flip.flips_at > flip.value { "above" } else { "below" }, &card.currency);
            format!(
                "{} is the cheapest once {} costs {direction} {} {currency} (now {}).",
                flip.becomes,
                spoken(flip.rate),
                amount(flip.flips_at),
                amount(flip.value)
            )
        })
        .collect()
}

/// `below 9.1 %: Buy`
pub fn flip(flip: Option<&WeightFlip>) -> (String, String) {
    flip.map_or_else(
        || ("–".to_owned(), String::new()),
        |flip| (percent(flip.share), flip.becomes.clone()),
    )
}

/// What an option's standing needs to be told beside its rank.
pub fn remark(card: &Scorecard, option: &AssessedOption) -> Option<String> {
    if option.standing == Standing::RuledOut {
        let rows: Vec<String> = option.failed.iter().map(|id| inside(row(card, id))).collect();
        return Some(format!("Is ruled out: below the must of {}.", rows.join(", ")));
    }
    option.dominated.then(|| "Scores no more and costs no less than another option.".to_owned())
}
