//! One-file HTML documents: nothing is fetched, nothing runs, and the page's own content policy says so.
//!
//! A document holds its style sheet, and its policy allows that text alone, by its hash: no script, no
//! inline style, no request. Choices (another load, another failure) are radio buttons that the
//! style sheet reads. Figures are drawn as SVG whose looks come from classes.

mod markup;

pub use markup::{Attributes, Markup, escape};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The look that all documents share.
const BASE: &str = include_str!("base.css");

/// A whole document. `style` is added to the shared look.
pub fn render(title: &str, style: &str, body: Markup) -> String {
    let sheet = format!("\n{BASE}{style}");
    let hash = STANDARD.encode(Sha256::digest(sheet.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let mut page = Markup::default();
    page.fixed("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
    page.fixed("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.fixed("<meta name=\"color-scheme\" content=\"light dark\">\n");
    page.element("title", &[], &format!("{title} · Millstream"));
    page.fixed("<style>");
    page.sheet(&sheet);
    page.fixed("</style>\n</head>\n<body>\n");
    page.append(body);
    page.fixed("</body>\n</html>\n");
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_the_style_sheet_and_nothing_else() {
        let page = render("A <title>", "b{}", Markup::default());
        let sheet = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(sheet.as_bytes()));
        assert!(page.contains(&format!("style-src &#39;sha256-{hash}&#39;")));
        assert!(page.contains("default-src &#39;none&#39;"));
        assert!(page.contains("<title>A &lt;title&gt; · Millstream</title>"));
        for reaching_out in ["http://", "https://", "url(", "@import", "<script", "src="] {
            assert!(!page.contains(reaching_out), "{reaching_out}");
        }
    }
}
