//! What is shown, and that showing changes nothing.

use holdpoint_platform::now;
use holdpoint_review::{Channel, Holder, Link, LinkKeys, Notice, Purpose, Verdict, Who, vote};
use jiff::SignedDuration;
use reqwest::{Method, StatusCode, header};

use crate::world::{BUCKET, KEYS, PUBLIC_URL, ROUTES, World, dana, lee, link_of};

#[tokio::test]
async fn the_page_shows_what_came_what_is_wrong_and_the_choice() {
    let world = World::new().await;
    let page = world.get(&format!("/r/{}", dana(&world.open()))).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "Held for review",
        "acme delivered orders of 22 November",
        "41.3 %",
        "of 12,480 records are anomalous",
        "The limit is 6 %. Accepted pushes had 0.2 % to 1.1 %.",
        "amount is 100 times what it was",
        "aria-label=\"38.9 %: 4,855 of 12,480 records\"",
        "last 30 accepted pushes",
        "over 100",
        "<mark>3990.00</mark>",
        "3 of 5,154 anomalous records",
        "name=\"decision\" value=\"approve\" required",
        "decided by dana",
        "Asked: Slack C1, dana, lee.",
        "One decision is enough.",
        "it expires and goes no further",
        "orders-7f3a",
    ] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    assert!(!page.text.contains(" checked"), "no choice is made beforehand");
    assert!(!page.text.contains("@example.com"), "no address is shown");
    assert!(!page.text.contains("the-task-token"));
}

#[tokio::test]
async fn b37_hostile_values_are_shown_as_text() {
    let world = World::new().await;
    let page = world.get(&format!("/r/{}", dana(&world.open()))).await;
    assert!(page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;evil"), "{}", page.text);
    assert!(page.text.contains("&lt;b&gt;DE&lt;/b&gt;"));
    assert!(!page.text.contains("<script") && !page.text.contains('\u{202e}'));
}

#[tokio::test]
async fn b16_no_method_but_post_changes_anything_on_any_route() {
    let world = World::new().await;
    let link = dana(&world.open());
    let before = world.doubles.facts().objects.clone();
    let unknown = Method::from_bytes(b"PROPFIND").unwrap();
    let looking = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
    let methods = looking.into_iter().chain([Method::PUT, Method::PATCH, Method::DELETE, unknown]);
    let ends = ["", "/", "/confirm", "/decide", "/flagged", "/mail", "/nowhere"].map(|end| format!("/r/{link}{end}"));
    let others = ["/slack/interactions", "/healthz", "/readyz", "/", "/nowhere"].map(str::to_owned);
    for method in methods {
        for path in ends.iter().chain(&others) {
            let url = format!("{}?decision=approve&form=x", world.url(path));
            let reply = world.http.request(method.clone(), url).body("decision=approve").send().await.unwrap();
            assert!(!reply.status().is_server_error(), "{method} {path}");
        }
    }
    let facts = world.doubles.facts();
    assert_eq!(facts.written, [""; 0]);
    assert!(facts.calls.is_empty() && facts.slack.is_empty());
    assert_eq!(facts.objects, before, "an ETag is a hash of these bytes");
}

#[tokio::test]
async fn b21_every_bad_link_gets_one_and_the_same_page() {
    let world = World::new().await;
    let round = world.open();
    let good = dana(&round);
    let sealed = |keys: &str, environment: &str, hours: i64, number: u32| {
        let expires_at = now() + SignedDuration::from_hours(hours);
        let link = Link { review_id: round.review_id.clone(), round: number, holder: Holder::Reviewer(0), expires_at };
        LinkKeys::parse(environment, keys).unwrap().seal(&link, [8; 24])
    };
    let bad = [
        good[1..].to_owned(),
        good[..60].to_owned(),
        format!("{good}A"),
        good.replace(&good[50..51], "~"),
        sealed(KEYS, "uat", 1, 1),
        sealed(&KEYS.replace("1:0001", "1:ff01"), "test", 1, 1),
        sealed(&KEYS.replace("1:0001", "9:0001"), "test", 1, 1),
        sealed(KEYS, "test", -1, 1),
        sealed(KEYS, "test", 1, 2),
        "%ff%fe".to_owned(),
        "x".repeat(5_000),
    ];
    let nothing = world.get("/nowhere").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    for link in bad {
        assert_eq!(world.get(&format!("/r/{link}")).await, nothing, "{link}");
        assert_eq!(world.get(&format!("/r/{link}/flagged")).await, nothing, "{link}");
        assert_eq!(world.post(&format!("/r/{link}/decide"), &[("decision", "approve")]).await, nothing, "{link}");
    }
}

#[tokio::test]
async fn b20_after_the_deadline_the_page_says_what_happened_and_when() {
    let world = World::new().await;
    let round = world.open_at(now() - SignedDuration::from_hours(25), ROUTES);
    let link = dana(&round);
    let page = world.get(&format!("/r/{link}")).await;
    assert_eq!(page.status, StatusCode::GONE);
    assert!(page.text.contains("The deadline passed") && !page.text.contains("<form"), "{}", page.text);
    let answer = world.post(&format!("/r/{link}/confirm"), &[("decision", "approve")]).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert!(world.doubles.facts().written.is_empty());
}

#[tokio::test]
async fn a_decided_round_shows_who_decided_and_that_it_was_asked_anew() {
    let world = World::new().await;
    let round = world.open();
    let decided =
        vote(&round, &Who::MailOwner("lee@example.com".into()), Verdict::Reject, Some("<late>".into()), now());
    world.store(&decided.unwrap().write.unwrap());
    let page = world.get(&format!("/r/{}", dana(&round))).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in ["Rejected by lee, ", "Reason: &lt;late&gt;", "being delivered"] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    assert!(!page.text.contains("<form") && !page.text.contains("asked anew"));
    let newer = format!("/{BUCKET}/reviews/{}/2.json", round.review_id);
    world.doubles.facts().objects.insert(newer, "{}".into());
    assert!(world.get(&format!("/r/{}", dana(&round))).await.text.contains("asked anew"));
}

#[tokio::test]
async fn evidence_that_was_changed_is_not_decided_on_and_missing_evidence_still_shows_the_question() {
    let world = World::new().await;
    let round = world.open();
    let link = dana(&round);
    let asked = world.choose(&link, "approve", "").await;
    let report = format!("/{BUCKET}/reports/p/report.json");
    world.doubles.facts().objects.insert(report.clone(), "{\"nice\":true}".into());
    let page = world.get(&format!("/r/{link}")).await;
    assert!(page.text.contains("do not decide") && !page.text.contains("<form"), "{}", page.text);
    assert_eq!(world.confirm(&link, &asked).await.status, StatusCode::CONFLICT);
    assert_eq!(world.stored(&round), round);

    world.doubles.facts().objects.remove(&report);
    let page = world.get(&format!("/r/{link}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("cannot be shown now") && page.text.contains("amount is 100 times"), "{}", page.text);
}

#[tokio::test]
async fn a_page_file_that_nobody_can_read_leaves_the_report() {
    let world = World::new().await;
    let round = world.open();
    world.doubles.facts().objects.insert(format!("/{BUCKET}/reports/p/page.json"), "[not json".into());
    let page = world.get(&format!("/r/{}", dana(&round))).await;
    assert!(page.text.contains("ship_date lies before order_date") && page.text.contains("<form"), "{}", page.text);
}

#[tokio::test]
async fn the_ledger_of_the_same_bucket_is_no_evidence() {
    let world = World::new().await;
    let mut round = world.open();
    let ledger = format!("reviews/{}/1.json", round.review_id);
    round.request.evidence.as_mut().unwrap().flagged = ledger;
    world.store(&round);
    let reply = world.get(&format!("/r/{}/flagged", dana(&round))).await;
    assert_eq!((reply.status, reply.location), (StatusCode::NOT_FOUND, None));
}

#[tokio::test]
async fn b29_the_flagged_rows_are_fetched_by_a_fresh_address_of_five_minutes() {
    let world = World::new().await;
    let reply = world.get(&format!("/r/{}/flagged", lee(&world.open()))).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    let address = reply.location.unwrap();
    for part in [
        &format!("/{BUCKET}/reports/p/flagged.csv?"),
        "X-Amz-Expires=300",
        "X-Amz-Signature=",
        "response-content-disposition=attachment%3B%20filename%3D%22flagged-7f3a.csv%22",
    ] {
        assert!(address.contains(part), "{part} in {address}");
    }
}

#[tokio::test]
async fn b28_every_reply_tells_the_browser_to_keep_nothing_and_run_nothing() {
    let world = World::new().await;
    let link = dana(&world.open());
    for path in [&format!("/r/{link}"), &format!("/r/{link}/flagged"), "/r/bad", "/healthz", "/slack/interactions"] {
        let reply = world.http.get(world.url(path)).send().await.unwrap();
        let policy = reply.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.ends_with("form-action 'self'; frame-ancestors 'none'; base-uri 'none'"), "{policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-robots-tag", "noindex, nofollow"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(reply.headers()[name], value, "{path}");
        }
        let text = reply.text().await.unwrap();
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains(" style="), "{text}");
    }
}

#[tokio::test]
async fn b28_a_form_of_another_site_or_another_kind_is_refused() {
    let world = World::new().await;
    let round = world.open();
    let link = dana(&round);
    let asked = world.choose(&link, "approve", "").await;
    let body = format!("decision=approve&form={}", asked.hidden("form"));
    let send = async |pairs: &[(&str, &str)], expected: StatusCode| {
        let mut post = world.http.post(world.url(&format!("/r/{link}/decide"))).body(body.clone());
        for (name, value) in pairs {
            post = post.header(*name, *value);
        }
        assert_eq!(post.send().await.unwrap().status(), expected, "{pairs:?}");
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    send(&[form, ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN).await;
    send(&[form, ("origin", "https://evil.example")], StatusCode::FORBIDDEN).await;
    send(&[("content-type", "text/plain")], StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    send(&[("content-type", "application/json")], StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    send(&[], StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    assert_eq!(world.stored(&round), round);
    send(&[form, ("origin", PUBLIC_URL), ("sec-fetch-site", "same-origin")], StatusCode::OK).await;
    assert!(!world.stored(&round).is_open());
}

#[tokio::test]
async fn b30_health_is_the_process_and_readiness_the_ledger() {
    let world = World::new().await;
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    world.doubles.facts().failing.insert("HEAD");
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(world.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn who_only_looks_sees_all_and_decides_nothing() {
    let world = World::new().await;
    let round = world.open();
    let link = link_of(&round, Holder::Viewer);
    let page = world.get(&format!("/r/{link}")).await;
    assert!(page.text.contains("This link only shows") && !page.text.contains("name=\"decision\""), "{}", page.text);
    let answer = world.post(&format!("/r/{link}/decide"), &[("decision", "approve")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(world.stored(&round), round);
}

/// What the queue was told to send, as notices.
fn queued(world: &World) -> Vec<Notice> {
    let facts = world.doubles.facts();
    let sent = facts.calls.iter().filter(|(action, _)| action == "SendMessage");
    sent.map(|(_, body)| serde_json::from_str(body["MessageBody"].as_str().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn a_channels_link_that_only_shows_has_a_reviewers_own_link_mailed_and_tells_nobody_who_is_one() {
    let world = World::new().await;
    let round = world.open_at(now(), &ROUTES.replace("[[route]]", "[[route]]\nnamed_only = true"));
    let link = link_of(&round, Holder::SlackChannel(0));
    let page = world.get(&format!("/r/{link}")).await;
    assert!(page.text.contains("Mail me my own link") && !page.text.contains("@example.com"), "{}", page.text);
    let form = page.hidden("form");
    let ask = async |address: &str, form: &str| {
        world.post(&format!("/r/{link}/mail"), &[("address", address), ("form", form)]).await
    };
    let (stranger, reviewer) = (ask("eve@example.com", &form).await, ask(" LEE@example.com", &form).await);
    assert_eq!(stranger, reviewer, "nobody learns who is on the list");
    assert_eq!(ask("dana@example.com", "forged").await.status, StatusCode::FORBIDDEN);
    while queued(&world).is_empty() {
        tokio::task::yield_now().await;
    }
    let [notice] = &queued(&world)[..] else { panic!("one link is queued") };
    assert_eq!(notice.channel, Channel::Mail("lee@example.com".into()), "as the list has it");
    assert!(matches!(notice.purpose, Purpose::Link(_)));
    assert_eq!(world.stored(&round), round, "asking for a link changes nothing");
}
