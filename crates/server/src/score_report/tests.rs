//! What the scorecard looks like, in full.

use super::{html, table};
use millstream_plan::score::{EXAMPLE, Scorecard, assess, read};

fn example() -> Scorecard {
    assess(&read("s.toml", EXAMPLE).unwrap())
}

#[test]
fn the_example_fits_eighty_columns() {
    let text = table(&example(), Some(80));
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_example_as_json() {
    insta::assert_json_snapshot!(example());
}

#[test]
fn the_page_holds_every_figure_and_runs_nothing() {
    let card = example();
    let page = html(&card).replace('\u{a0}', " ");
    for option in &card.options {
        assert!(page.contains(&format!("{:.2}", option.score)));
        for mark in &option.marks {
            assert!(page.contains(&mark.evidence.replace('\'', "&#39;")));
        }
    }
    assert!(!page.contains("style=") && !page.contains("<script"));
    assert_eq!(page.matches("<section").count(), page.matches("</section>").count());
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
}

#[test]
fn names_are_text_on_the_page_and_harmless_on_a_terminal() {
    let hostile = EXAMPLE
        .replace("\"Buy\"", "\"<img src=x onerror=alert(1)>\\u001b[2J\"")
        .replace("Data residency", "</style><script>1</script>");
    let card = assess(&read("s.toml", &hostile).unwrap());
    let page = html(&card);
    assert!(!page.contains("<img") && !page.contains("<script"));
    assert!(!table(&card, Some(80)).contains('\u{1b}'));
}

#[test]
fn odd_outcomes_have_words() {
    let ruled_out = EXAMPLE.replace("must = 2", "must = 5");
    let card = assess(&read("s.toml", &ruled_out).unwrap());
    let text = table(&card, Some(80));
    assert!(text.contains("Every option falls short of a row that is a must."), "{text}");
    assert!(html(&card).contains("Ruled out"));

    let one_left = EXAMPLE.replace("must = 2", "must = 4").replacen(
        "score = 4, basis = \"claimed\"",
        "score = 3, basis = \"claimed\"",
        1,
    );
    let text = table(&assess(&read("s.toml", &one_left).unwrap()), Some(80));
    assert!(text.contains("the only option that meets every must"), "{text}");
}
