//! Who gets in, and what binds a browser.

use super::*;

#[tokio::test]
async fn other_host_names_are_turned_away() {
    let router = router(&AdminOptions::default());
    for (host, allowed) in [
        ("127.0.0.1:8081", true),
        ("localhost:8081", true),
        ("[::1]:8081", true),
        ("LOCALHOST", true),
        ("evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("localhost.evil.example:8081", false),
        ("10.0.0.1", false),
    ] {
        let request = Request::builder().uri("/api/status").header("host", host);
        let status = send(&router, request).await.status();
        assert_eq!(status == StatusCode::OK, allowed, "{host}: {status}");
    }
    let none = send(&router, Request::builder().uri("/api/status")).await;
    assert_eq!(none.status(), StatusCode::BAD_REQUEST);
    let two = get("/api/status").header("host", "evil.example");
    assert_eq!(send(&router, two).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_sites_pages_are_turned_away() {
    let router = router(&AdminOptions::default());
    let disable = || get("/api/links/a/disable").method("PUT");
    for (name, value, allowed) in [
        ("origin", "http://127.0.0.1:8081", true),
        ("origin", "http://127.0.0.1:9999", false),
        ("origin", "http://evil.example", false),
        ("origin", "null", false),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "none", true),
        ("sec-fetch-site", "same-site", false),
        ("sec-fetch-site", "cross-site", false),
    ] {
        for request in [disable(), get("/api/status")] {
            let status = send(&router, request.header(name, value)).await.status();
            assert_eq!(status != StatusCode::FORBIDDEN, allowed, "{name}: {value}: {status}");
        }
    }
}

#[tokio::test]
async fn tokens_open_what_their_role_allows() {
    let (tokens, viewer, editor) = tokens();
    let listen = ([192, 0, 2, 1], 8_081).into();
    let router = router(&AdminOptions { tokens, listen, ..AdminOptions::default() });
    let ask = |path: &str, token: Option<&str>| {
        let request = Request::builder().uri(path).header("host", "admin.example");
        match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    };
    let status = |request| async { send(&router, request).await.status().as_u16() };
    assert_eq!(status(ask("/api/status", None)).await, 401);
    assert_eq!(status(ask("/api/status", Some("ms_guess"))).await, 401);
    assert_eq!(status(ask("/api/status", Some(viewer.reveal()))).await, 200);
    assert_eq!(status(ask("/metrics", None)).await, 401);
    assert_eq!(status(ask("/api/quarantine", Some(viewer.reveal()))).await, 403);
    assert_eq!(status(ask("/api/quarantine", Some(editor.reveal()))).await, 200);
    assert_eq!(status(ask("/", None)).await, 200, "the page itself tells nothing");
    for (token, expected) in [(&viewer, 403), (&editor, 200)] {
        let asked = ask("/api/sql", Some(token.reveal())).method("POST");
        let question = asked.body(Body::from(r#"{"query": "select 1"}"#)).unwrap();
        let answer = router.clone().oneshot(question).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "rows show what a viewer does not see");
    }
}

#[test]
fn beyond_loopback_there_is_no_start_without_tokens() {
    let options = AdminOptions { listen: ([0, 0, 0, 0], 0).into(), ..AdminOptions::default() };
    assert!(matches!(start(options, parts()), Err(AdminError::Unprotected(_))));
}

#[test]
fn tokens_are_long_random_and_never_shown() {
    let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
    assert_ne!(one.reveal(), other.reveal());
    assert_eq!(one.reveal().len(), 67, "256 bits in hexadecimal digits");
    assert_eq!(format!("{one:?} {:?}", one.hash()), "Token(…) TokenHash(…)");
    let stored = one.hash().to_string();
    assert_eq!(stored.parse::<TokenHash>().unwrap(), one.hash());
    // The digest of "abc" in FIPS 180-2, so that sha256sum gives the same.
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let entry = TokenEntry { name: String::new(), role: Role::Admin, hash: known.parse().unwrap() };
    assert_eq!(Tokens::new(vec![entry]).role_of("abc"), Some(Role::Admin));
    assert!("zz".repeat(32).parse::<TokenHash>().is_err() && "ab".parse::<TokenHash>().is_err());
}

#[tokio::test]
async fn every_answer_binds_the_browser() {
    let router = router(&AdminOptions::default());
    for (path, cache) in [
        ("/", "no-cache"),
        ("/api/status", "no-store"),
        ("/metrics", "no-store"),
        ("/nowhere", "no-cache"),
    ] {
        let response = send(&router, get(path)).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), cache, "{path}");
    }
}

#[tokio::test]
async fn only_an_administrator_makes_backups_and_names_the_folder_whole() {
    let router_of = |tokens| router(&AdminOptions { tokens, ..AdminOptions::default() });
    let admin = Token::generate().unwrap();
    let entry = |role, token: &Token| TokenEntry { name: String::new(), role, hash: token.hash() };
    let editor = Token::generate().unwrap();
    let entries = vec![entry(Role::Admin, &admin), entry(Role::Editor, &editor)];
    let router = router_of(Tokens::new(entries));
    for (token, directory, status) in [
        (&editor, "/copy", StatusCode::FORBIDDEN),
        (&admin, "copy", StatusCode::BAD_REQUEST),
        (&admin, "/full", StatusCode::BAD_REQUEST),
        (&admin, "/copy", StatusCode::OK),
    ] {
        let body = serde_json::json!({ "directory": directory }).to_string();
        let request = get("/api/backup")
            .method("POST")
            .header("authorization", format!("Bearer {}", token.reveal()))
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{directory}");
    }
}
