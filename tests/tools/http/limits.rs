//! Servers that are slow, large or wrong.

use super::world::{FakeNames, World, call, shop};
use crate::fakes::api::Reply;
use lorekeeper::domain::GapClass;
use serde_json::json;
use std::time::{Duration, Instant};

/// The limit of `World`, and time for a busy machine.
const IN_TIME: Duration = Duration::from_millis(1_000 + 1_500);

#[tokio::test]
async fn slow_server_ends_at_the_limit() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    let late = Reply::Late(Duration::from_secs(30), json!([]));
    for reply in [late, Reply::Hang, Reply::Drip] {
        world.api.on("/v1/orders", reply.clone());
        let begun = Instant::now();
        let error = call(&toolbox, "list_orders", json!({}))
            .await
            .expect_err("is too slow");
        assert_eq!(error.class(), GapClass::Timeout, "{reply:?}: {error:?}");
        assert!(
            begun.elapsed() < IN_TIME,
            "{reply:?}: {:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test]
async fn slow_redirects_share_one_limit() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    world.api.on("/v1/orders", Reply::redirect("/a"));
    world.api.on(
        "/a",
        Reply::Late(
            Duration::from_millis(700),
            json!({"items": [{"id": 1}], "next": "/b"}),
        ),
    );
    world.api.on(
        "/b",
        Reply::Late(Duration::from_millis(700), json!([{"id": 2}])),
    );
    let begun = Instant::now();
    let result = call(&toolbox, "list_orders", json!({}))
        .await
        .expect("the first page came");
    assert_eq!((result.rows.rows.len(), result.rows.truncated), (1, true));
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn large_response_is_refused() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("bytes = 5000\n").await;
    let long = json!([{"text": "x".repeat(6_000)}])
        .to_string()
        .into_bytes();
    let kind = || ("content-type", "application/json".to_string());
    for reply in [Reply::Flood, Reply::Raw(200, vec![kind()], long)] {
        world.api.on("/v1/orders", reply.clone());
        let begun = Instant::now();
        let error = call(&toolbox, "list_orders", json!({}))
            .await
            .expect_err("is too large");
        assert_eq!(error.class(), GapClass::SourceDown);
        let cause = lorekeeper::ports::with_causes(&error);
        assert_eq!(cause, "`shop` failed: its answer is larger than 5000 bytes");
        assert!(begun.elapsed() < IN_TIME);
    }
}

#[tokio::test]
async fn pages_share_one_cap_of_bytes() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("bytes = 5000\n").await;
    let page =
        |next: &str| Reply::Json(json!({"items": [{"text": "x".repeat(2_000)}], "next": next}));
    world.api.on("/v1/orders", page("/2"));
    world.api.on("/2", page("/3"));
    world.api.on("/3", page("/4"));
    let result = call(&toolbox, "list_orders", json!({}))
        .await
        .expect("two pages fit");
    assert_eq!((result.rows.rows.len(), result.rows.truncated), (2, true));
    assert_eq!(world.api.take_targets().len(), 3);
}

#[tokio::test]
async fn rows_are_capped() {
    let world = World::new(&shop()).await;
    let config = world.config("").replace(
        "tool_timeout_ms = 1000",
        "tool_timeout_ms = 5000\ntool_rows = 3",
    );
    let toolbox = super::world::open(&config, FakeNames::default()).await;
    let toolbox = toolbox.unwrap_or_else(|faults| panic!("{faults:?}"));
    let rows: Vec<_> = (0..100).map(|id| json!({"id": id})).collect();
    world.api.on(
        "/v1/orders",
        Reply::Json(json!({"items": rows, "next": "/2"})),
    );
    let result = call(&toolbox, "list_orders", json!({}))
        .await
        .expect("is answered");
    assert_eq!((result.rows.rows.len(), result.rows.truncated), (3, true));
    assert_eq!(world.api.take_targets().len(), 1);
}

#[tokio::test]
async fn answer_that_is_no_plain_json_is_refused_with_the_reason() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    let json = || {
        (
            "content-type",
            "application/json; charset=utf-8".to_string(),
        )
    };
    let check = async |reply: Reply, reason: &str| {
        world.api.on("/v1/orders", reply);
        let error = call(&toolbox, "list_orders", json!({}))
            .await
            .expect_err(reason);
        let text = lorekeeper::ports::with_causes(&error);
        assert!(text.contains(reason), "{text}");
        assert_eq!(error.class(), GapClass::SourceDown);
    };
    check(
        Reply::Raw(
            200,
            vec![("content-type", "text/html".into())],
            b"<html>".to_vec(),
        ),
        "`text/html`, not JSON",
    )
    .await;
    check(
        Reply::Raw(
            200,
            vec![("content-type", "application/jsonp".into())],
            b"[]".to_vec(),
        ),
        "not JSON",
    )
    .await;
    check(
        Reply::Raw(200, vec![], b"[]".to_vec()),
        "`nothing`, not JSON",
    )
    .await;
    check(
        Reply::Raw(
            200,
            vec![json(), ("content-encoding", "gzip".into())],
            vec![31, 139],
        ),
        "is compressed",
    )
    .await;
    check(
        Reply::Raw(200, vec![json()], b"{\"a\":".to_vec()),
        "can't be read as JSON",
    )
    .await;
    check(
        Reply::Raw(200, vec![json()], b"[1] [2]".to_vec()),
        "can't be read as JSON",
    )
    .await;
    check(
        Reply::Raw(200, vec![json()], vec![b'[', 0xff, b']']),
        "can't be read as JSON",
    )
    .await;
    check(
        Reply::Raw(200, vec![json()], "[".repeat(100_000).into_bytes()),
        "can't be read as JSON",
    )
    .await;
    check(Reply::Raw(302, vec![], Vec::new()), "redirects to nowhere").await;
    check(Reply::Raw(304, vec![], Vec::new()), "304").await;
    check(Reply::redirect("/v1/orders"), "more than 5 times").await;
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_sixth() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    for n in 0..6 {
        let from = if n == 0 {
            "/v1/orders".into()
        } else {
            format!("/r{n}")
        };
        world.api.on(&from, Reply::redirect(format!("/r{}", n + 1)));
    }
    assert!(call(&toolbox, "list_orders", json!({})).await.is_err());
    assert_eq!(world.api.take_targets().len(), 6);
    world.api.on("/r5", Reply::Json(json!([{"id": 1}])));
    assert_eq!(
        call(&toolbox, "list_orders", json!({}))
            .await
            .expect("five are allowed")
            .rows
            .rows
            .len(),
        1
    );
}

#[tokio::test]
async fn statuses_have_their_class() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    for (status, class) in [
        (400, GapClass::BadQuestion),
        (422, GapClass::BadQuestion),
        (401, GapClass::NotAllowed),
        (403, GapClass::NotAllowed),
        (429, GapClass::SourceDown),
        (500, GapClass::SourceDown),
        (502, GapClass::SourceDown),
        (503, GapClass::SourceDown),
        (504, GapClass::Timeout),
        (408, GapClass::Timeout),
    ] {
        world.api.on("/v1/orders", Reply::status(status));
        let error = call(&toolbox, "list_orders", json!({}))
            .await
            .expect_err("is no success");
        assert_eq!(error.class(), class, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn server_that_is_down_is_an_error_of_the_call() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("url = \"http://127.0.0.1:1/v1\"\n").await;
    let error = call(&toolbox, "list_orders", json!({"q": "private words"}))
        .await
        .expect_err("nobody listens");
    assert_eq!(error.class(), GapClass::SourceDown);
    let text = format!("{} {error:?}", lorekeeper::ports::with_causes(&error));
    assert!(
        text.contains("`shop` can't be reached") && !text.contains("private"),
        "{text}"
    );
}

#[tokio::test]
async fn busy_api_is_asked_once_more_after_its_pause() {
    let world = World::new(&shop()).await;
    let toolbox = world.open("").await;
    let busy = |after: &str| {
        let headers = vec![("retry-after", after.to_string())];
        Reply::Raw(429, headers, Vec::new())
    };
    let check = async |after: &str, requests: usize| {
        world.api.on("/v1/orders", busy(after));
        let error = call(&toolbox, "list_orders", json!({})).await;
        let error = error.expect_err("it stays busy");
        assert_eq!(error.class(), GapClass::SourceDown, "{after}");
        assert_eq!(world.api.take_targets().len(), requests, "{after}");
    };
    check("0", 2).await;
    check("Sat, 21 Nov 2020 00:00:00 GMT", 2).await;
    check("3600", 1).await;
    check("18446744073709551615", 1).await;
    check("soon", 1).await;
    check("-1", 1).await;

    world.api.on("/v1/orders", Reply::Json(json!([{"id": 1}])));
    world.api.once("/v1/orders", busy("0"));
    let result = call(&toolbox, "list_orders", json!({})).await;
    assert_eq!(result.expect("it is free again").rows.rows.len(), 1);
    assert_eq!(world.api.take_targets().len(), 2);
}
