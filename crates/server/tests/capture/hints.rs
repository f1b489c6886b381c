//! Prefetch hints: what an answer tells, and whether it comes true.

use crate::harness::{Plane, options};
use crate::streams::configured;
use millstream_decide::Routes;
use millstream_decide::prefetch::{Journey, Journeys};
use millstream_event::{EntityId, Hash128, Timestamp};
use millstream_pipeline::measured::HintSums;
use millstream_server::decide::{PlaceKind, Service};
use serde_json::{Value, json};
use std::sync::Arc;

const FILE: &str = "[[decide.use_cases]]\nname = \"home\"\ndefault = \"welcome\"\nhints = 3\n\
                    [[decide.use_cases]]\nname = \"cart\"\ndefault = \"none\"\n";

fn journeys(ways: &[[&str; 2]]) -> Journeys {
    let names = ways.iter().flatten().map(|name| Box::from(*name)).collect();
    let journey = |number: usize| Journey {
        visitor: EntityId(Hash128::of("visitor", &[&number.to_le_bytes()])),
        ended: Timestamp(number as i64),
        places: [0, 1].map(|at| (2 * (number % ways.len()) + at) as u32).to_vec(),
    };
    Journeys { names, all: (0..100).map(journey).collect() }
}

/// A plane that has learned where visitors go on to.
fn learned() -> (Plane, Arc<Service>) {
    let (plane, service) = configured(FILE, options(), 0);
    let pages =
        journeys(&[["/", "/shoes"], ["/a", "/b"], ["/c", "/d"], ["/e", "/f"], ["/g", "/h"]]);
    let slots = journeys(&[["home", "cart"], ["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]);
    service.install_routes(Routes::learn((&pages, &slots), (1, Timestamp(1))).unwrap());
    (plane, service)
}

async fn ask(plane: &Plane, use_case: &str, more: Value) -> Value {
    let mut asked = json!({ "use_case": use_case, "anonymous_id": "v1" });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    plane.post("/v1/decide", &[], asked.to_string()).await.json()
}

async fn visit(plane: &Plane, url: &str) {
    let page = json!({ "anonymousId": "v1", "properties": { "url": url }, "writeKey": "k" });
    assert_eq!(plane.post("/v1/page", &[], page.to_string()).await.status, 200);
}

fn sums(service: &Service, kind: PlaceKind) -> [u64; 4] {
    let all = service.followed().since_start();
    let found = all.into_iter().find(|(name, of, _)| **name == *"home" && *of == kind);
    let HintSums { given, went_on, hits, popular } =
        found.map_or_else(HintSums::default, |it| it.2);
    [given, went_on, hits, popular]
}

#[tokio::test]
async fn hints_are_told_and_followed() {
    let (plane, service) = learned();
    let here = json!({ "context": { "page": "https://shop.example/?x=1" } });
    let answer = ask(&plane, "home", here.clone()).await;
    let told = json!({
        "pages": [{ "page": "/shoes", "probability": 0.909_09 }],
        "slots": [{ "use_case": "cart", "probability": 0.909_09 }],
    });
    assert_eq!(answer["hints"]["pages"][0]["page"], told["pages"][0]["page"], "{answer}");
    assert_eq!(answer["hints"]["slots"][0]["use_case"], told["slots"][0]["use_case"], "{answer}");
    assert!(answer["hints"]["pages"][0]["probability"].as_f64().is_some_and(|it| it > 0.8));
    assert!(answer["timing"]["stages"]["hints"].is_number(), "{answer}");
    assert_eq!(sums(&service, PlaceKind::Page), [1, 0, 0, 0]);
    // The page where they are is no way on; the one after it is.
    visit(&plane, "https://shop.example/").await;
    assert_eq!(sums(&service, PlaceKind::Page), [1, 0, 0, 0]);
    visit(&plane, "https://shop.example/shoes?y=2").await;
    assert_eq!(sums(&service, PlaceKind::Page), [1, 1, 1, 1]);
    // Once.
    visit(&plane, "https://shop.example/b").await;
    assert_eq!(sums(&service, PlaceKind::Page), [1, 1, 1, 1]);
    // Another question at another use case.
    assert_eq!(sums(&service, PlaceKind::Slot), [1, 0, 0, 0]);
    assert!(ask(&plane, "cart", json!({})).await.get("hints").is_none(), "it gives none");
    assert_eq!(sums(&service, PlaceKind::Slot), [1, 1, 1, 1]);
    // A way that was not expected.
    ask(&plane, "home", here).await;
    visit(&plane, "https://shop.example/elsewhere").await;
    assert_eq!(sums(&service, PlaceKind::Page), [2, 2, 1, 1]);
    let unlogged = service.unlogged().remove(0);
    assert_eq!((unlogged.pages.given, unlogged.slots.went_on), (2, 1));
    let handed = service.hand_over();
    assert_eq!(handed, std::slice::from_ref(&unlogged));
    service.take_back(&handed);
    assert_eq!((service.unlogged()[0].pages.hits, service.unlogged().len()), (1, 1));
}

#[tokio::test]
async fn whoever_may_not_be_known_is_not_followed() {
    let (plane, service) = learned();
    let at = json!({ "page": "/" });
    let private = json!({ "context": at, "consent": { "personalization": false } });
    let answer = ask(&plane, "home", private).await;
    assert_eq!(answer["hints"]["pages"][0]["page"], "/shoes", "it is of the place alone");
    visit(&plane, "https://shop.example/shoes").await;
    assert!(service.followed().since_start().is_empty());
    // Whoever wishes to be forgotten is followed no further.
    ask(&plane, "home", json!({ "context": at })).await;
    let wish = json!({ "anonymous_id": "v1" }).to_string();
    assert_eq!(plane.post("/v1/decide/reset", &[], wish).await.status, 200);
    visit(&plane, "https://shop.example/shoes").await;
    assert_eq!(sums(&service, PlaceKind::Page), [1, 0, 0, 0]);
}
