//! Why a person is who they are, and what parts them again.

use crate::command::{expect, run};
use serde_json::{Value, json};
use std::fs;

fn call(kind: &str, id: &str, device: &str, minute: u32) -> Value {
    json!({
        "type": kind, "messageId": id, "anonymousId": device,
        "timestamp": format!("2026-11-20T10:{minute:02}:00Z"),
        "receivedAt": format!("2026-11-20T10:{minute:02}:02Z"),
        "context": { "page": { "url": "https://shop.example/" } },
    })
}

fn of_ann(mut call: Value) -> Value {
    call["userId"] = json!("ann");
    call
}

#[test]
fn an_audit_tells_what_joined_a_person_and_what_parted_them() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, file) = (folder.path().join("data"), folder.path().join("events.jsonl"));
    let (path, events) = (dir.to_str().unwrap(), file.to_str().unwrap());
    let import = |lines: &[Value]| {
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        fs::write(&file, lines.join("\n")).unwrap();
        expect(0, &["import", "--format", "segment", "--data-dir", path, events]);
    };
    let audit = |id: &str| -> Value {
        let printed = expect(0, &["audit", "person", id, "--data-dir", path, "--format", "json"]);
        serde_json::from_str(&printed).unwrap()
    };
    import(&[
        call("page", "p1", "phone", 0),
        of_ann(call("identify", "p2", "phone", 1)),
        of_ann(call("identify", "d1", "desk", 5)),
    ]);
    let told = audit("ann");
    assert_eq!(told["members"], 2, "{told:#}");
    assert_eq!(audit("phone"), told, "whoever of them is named");
    let text = told.to_string();
    assert!(text.contains("\"stated by event\"") && text.contains("\"d1\""), "{told:#}");
    assert!(text.contains("\"received_after_ms\":2000"), "{told:#}");

    import(&[of_ann(call("unlink", "u1", "desk", 9))]);
    assert_eq!(audit("phone")["members"], 1);
    let desk = audit("desk").to_string();
    assert!(desk.contains("\"stands\":false") && desk.contains("\"unlinked_by\":\"u1\""), "{desk}");

    let nobody = run(&["audit", "person", "nobody", "--data-dir", path]);
    assert_eq!(nobody.status.code(), Some(1));
}
