//! `links sign`: what it prints can be followed, and what cannot be signed is told.

use crate::command::{expect, run, text};
use std::path::Path;

fn sign(folder: &Path, more: &[&str]) -> Vec<String> {
    let (dir, config) = (folder.join("data"), folder.join("millstream.toml"));
    let place = ["--data-dir", dir.to_str().unwrap(), "--config", config.to_str().unwrap()];
    [&["links", "sign"], more, &place].concat().into_iter().map(str::to_owned).collect()
}

fn said(arguments: &[String]) -> String {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    text(&output.stderr)
}

#[test]
fn a_destination_is_signed_by_the_first_key_or_the_named_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = |text: &str| std::fs::write(folder.join("millstream.toml"), text).unwrap();
    config("");
    let asked = sign(folder, &["partner", "https://a.example/x?y=1"]);
    assert!(said(&asked).contains("why: no key is configured\n"), "{}", said(&asked));
    let keys = ["new", "old"].map(|id| {
        let file = folder.join(id);
        let secret = if id == "new" { "A" } else { "E" }.repeat(43) + "=";
        std::fs::write(&file, secret).unwrap();
        format!("[[signed_links]]\nid = \"{id}\"\nsecret_file = {file:?}\n")
    });
    config(&keys.concat());
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let link = expect(0, &asked);
    let begins = "/r/partner?ms_to=https%3A%2F%2Fa%2Eexample%2Fx%3Fy%3D1&ms_key=new&ms_sig=";
    assert!(link.starts_with(begins), "{link}");
    let by_old = expect(0, &[&asked[..], &["--key", "old"]].concat());
    assert!(by_old.contains("&ms_key=old&") && by_old.len() == link.len(), "{by_old}");
    let unknown = said(&sign(folder, &["partner", "https://a.example/", "--key", "gone"]));
    assert!(unknown.contains("why: there is no key \"gone\"\n"), "{unknown}");
    assert!(unknown.contains("fix: sign with one of new, old\n"), "{unknown}");
    let refused = said(&sign(folder, &["partner", "javascript:alert(1)"]));
    assert!(refused.contains("why: destination: "), "{refused}");
    assert!(refused.contains("fix: sign another destination"), "{refused}");
}
