//! A callback that runs, a round that is open, and a reviewer with a browser.

use std::net::SocketAddr;

use axum::body::Bytes;
use holdpoint_callback::{Config, bind};
use holdpoint_platform::{Clients, Stop, now};
use holdpoint_review::{
    ActivityInput, Admission, BaselineMember, BaselineSummary, ColumnPlot, ContentHash, Evidence, Finding, Holder,
    Link, LinkKeys, Measure, ObjectVersion, PageData, PlotBin, PushHash, PushId, Report, RequestFinding, ReviewRequest,
    Round, Routes, SampleRecord, Share, TaskToken, Threshold, Visit, admit,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Response, StatusCode, redirect::Policy};

use crate::doubles::Doubles;

pub(crate) const KEYS: &str = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub(crate) const BUCKET: &str = "bucket";
pub(crate) const PUBLIC_URL: &str = "https://review.example.com";
pub(crate) const ROUTES: &str = r#"
    [[reviewer]]
    name = "dana"
    mail = "dana@example.com"
    slack = "U1"
    [[reviewer]]
    name = "lee"
    mail = "lee@example.com"
    [[route]]
    slack = ["C1"]
    reviewers = ["dana", "lee"]
"#;

pub(crate) struct World {
    pub(crate) doubles: Doubles,
    aws: SocketAddr,
    pub(crate) addr: SocketAddr,
    pub(crate) http: Client,
}

/// What a browser got.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With some settings changed.
    pub(crate) async fn with(changed: &[(&str, &str)]) -> Self {
        let (doubles, aws) = Doubles::start().await;
        let lookup = |name: &str| {
            let changed = changed.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            changed.or_else(|| setting(name, aws))
        };
        let config = Config::read(&lookup).unwrap();
        let bound = bind(config, Clients::of_stand_in(&format!("http://{aws}"), "callback")).await.unwrap();
        let addr = bound.addr;
        tokio::spawn(bound.run(Stop::new()));
        Self { doubles, aws, addr, http: browser() }
    }

    /// Opens a round, asked at this time, with its evidence in S3; a change of the route's text makes another route.
    pub(crate) fn open_at(&self, asked: Timestamp, routes: &str) -> Round {
        let (report, page) = (report(), page_data());
        let report = serde_json::to_vec(&report).unwrap();
        let round = round(&request(ContentHash::of(&report)), routes, asked);
        let mut facts = self.doubles.facts();
        facts.objects.insert(format!("/{BUCKET}/reports/p/report.json"), report.into());
        facts.objects.insert(format!("/{BUCKET}/reports/p/page.json"), serde_json::to_vec(&page).unwrap().into());
        facts.objects.insert(path(&round), bytes(&round));
        drop(facts);
        round
    }

    /// Another review, which the index of open ones lists.
    pub(crate) fn open_as(&self, key: &str, routes: &str) -> Round {
        let report = serde_json::to_vec(&report()).unwrap();
        let request = ReviewRequest { key: key.into(), ..request(ContentHash::of(&report)) };
        let round = round(&request, routes, now());
        let entry = format!("/{BUCKET}/open/orders/acme/{}-1", round.review_id);
        let mut facts = self.doubles.facts();
        facts.objects.insert(format!("/{BUCKET}/reports/p/report.json"), report.into());
        facts.objects.insert(entry, Bytes::new());
        facts.objects.insert(path(&round), bytes(&round));
        drop(facts);
        round
    }

    pub(crate) fn open(&self) -> Round {
        self.open_at(now(), ROUTES)
    }

    pub(crate) fn store(&self, round: &Round) {
        self.doubles.facts().objects.insert(path(round), bytes(round));
    }

    pub(crate) fn stored(&self, round: &Round) -> Round {
        serde_json::from_slice(&self.doubles.facts().objects[&path(round)]).unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        Page::of(self.http.get(self.url(path)).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        Page::of(self.http.post(self.url(path)).form(form).send().await.unwrap()).await
    }

    /// Chooses on the page, as a reviewer does, up to the question whether it is meant.
    pub(crate) async fn choose(&self, link: &str, decision: &str, reason: &str) -> Page {
        let page = self.get(&format!("/r/{link}")).await;
        let form = page.hidden("form");
        self.post(&format!("/r/{link}/confirm"), &[("decision", decision), ("reason", reason), ("form", &form)]).await
    }

    /// Confirms what was asked.
    pub(crate) async fn confirm(&self, link: &str, asked: &Page) -> Page {
        let hidden = ["decision", "reason", "form"].map(|name| (name, asked.hidden(name)));
        let form: Vec<_> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post(&format!("/r/{link}/decide"), &form).await
    }

    pub(crate) fn doubles_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.aws)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl Page {
    pub(crate) async fn of(response: Response) -> Self {
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        Self { status: response.status(), location, text: response.text().await.unwrap() }
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let (_, rest) =
            self.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{self:?}"));
        rest.split('"').next().unwrap().to_owned()
    }
}

pub(crate) fn setting(name: &str, doubles: SocketAddr) -> Option<String> {
    let value = match name {
        "HOLDPOINT_ENVIRONMENT" => "test",
        "HOLDPOINT_BUCKET" => BUCKET,
        "HOLDPOINT_CLOCK_QUEUE_URL" => "http://127.0.0.1/clock",
        "HOLDPOINT_NOTICES_QUEUE_URL" => "http://127.0.0.1/notices.fifo",
        "HOLDPOINT_LINK_KEYS" => KEYS,
        "HOLDPOINT_PUBLIC_URL" => PUBLIC_URL,
        "HOLDPOINT_LISTEN" => "127.0.0.1:0",
        "HOLDPOINT_SLACK_SIGNING_SECRET" => "shh",
        "HOLDPOINT_SLACK_BOT_TOKEN" => "xoxb",
        "HOLDPOINT_SLACK_TEAM" => "T1",
        "HOLDPOINT_SLACK_API_URL" => return Some(format!("http://{doubles}/slack-api/")),
        _ => return None,
    };
    Some(value.to_owned())
}

pub(crate) fn browser() -> Client {
    Client::builder().redirect(Policy::none()).no_proxy().build().unwrap()
}

pub(crate) fn link_of(round: &Round, holder: Holder) -> String {
    // A fixed time: the same link must come out whenever it is made.
    let expires_at = Timestamp::from_second(4_000_000_000).unwrap();
    let link = Link { review_id: round.review_id.clone(), round: round.round, holder, expires_at };
    LinkKeys::parse("test", KEYS).unwrap().seal(&link, [7; 24])
}

pub(crate) fn dana(round: &Round) -> String {
    link_of(round, Holder::Reviewer(0))
}

pub(crate) fn lee(round: &Round) -> String {
    link_of(round, Holder::Reviewer(1))
}

pub(crate) fn path(round: &Round) -> String {
    format!("/{BUCKET}/reviews/{}/{}.json", round.review_id, round.round)
}

pub(crate) fn bytes(round: &Round) -> Bytes {
    serde_json::to_vec(round).unwrap().into()
}

pub(crate) fn round(request: &ReviewRequest, routes: &str, asked: Timestamp) -> Round {
    let visit = Visit {
        execution: "arn:aws:states:eu-central-1:1:execution:review:orders-7f3a".into(),
        state: "AwaitReview".into(),
        entered: "2026-11-22T08:14:00Z".into(),
        redrives: 0,
    };
    let input = ActivityInput { version: 1, visit, request: request.clone() };
    let route = || Routes::parse(routes).unwrap().for_request(request).cloned();
    match admit(None, &TaskToken::new("the-task-token"), &input, route, asked).unwrap() {
        Admission::Open(round) => round,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn request(report_hash: ContentHash) -> ReviewRequest {
    ReviewRequest {
        key: "7f3a".into(),
        dataset: "orders".into(),
        customer: "acme".into(),
        title: "acme delivered orders of 22 November, and it does not look like theirs".into(),
        measure: Some(Measure {
            records: 12_480,
            rate: Share::new(5_154, 12_480),
            threshold: Threshold::SIX_PERCENT,
            usual: Some((Share::new(2, 1_000), Share::new(11, 1_000))),
        }),
        findings: vec![RequestFinding {
            text: "amount is 100 times what it was".into(),
            share: Share::new(4_855, 12_480),
        }],
        if_approved: "It goes on as it is, and becomes part of what is normal for acme.".into(),
        if_rejected: "It goes no further, and what is normal stays as it was.".into(),
        submitter: None,
        source: None,
        evidence: Some(Evidence {
            bucket: BUCKET.into(),
            report: "reports/p/report.json".into(),
            report_hash,
            page: "reports/p/page.json".into(),
            flagged: "reports/p/flagged.csv".into(),
            delivered_at: None,
        }),
    }
}

pub(crate) fn report() -> Report {
    let source = ObjectVersion {
        bucket: BUCKET.into(),
        key: "incoming/orders/acme/2026-11-22.csv".into(),
        version_id: "v".into(),
    };
    let finding = |columns: &[&str], hard, count, reason: &str, examples: &[&str]| Finding {
        check: "check".into(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        hard,
        share: Share::new(count, 12_480),
        reason: reason.into(),
        examples: examples.iter().map(|&example| example.to_owned()).collect(),
    };
    let member = |place: u32| BaselineMember {
        push: PushId::of("b", "k", &place.to_string()),
        delivered_at: "2026-10-23T08:00:00Z".parse::<Timestamp>().unwrap()
            + SignedDuration::from_hours(24 * i64::from(place)),
        records: 12_000,
        rate: Some(Share::new(2 + u64::from(place * 7 % 10), 1_000)),
        replayed: None,
    };
    Report {
        version: 1,
        push: source.push_id(),
        source,
        dataset: "orders".into(),
        customer: "acme".into(),
        delivered_at: "2026-11-22T08:14:00Z".parse().unwrap(),
        content: PushHash::of_blake3([0; 32]),
        tags: std::collections::BTreeMap::new(),
        records: 12_480,
        anomalous: 5_154,
        row_rate: Share::new(5_154, 12_480),
        batch_mass: Share::new(1, 100),
        threshold: Threshold::SIX_PERCENT,
        needs_review: true,
        findings: vec![
            finding(
                &["amount"],
                true,
                4_855,
                "amount is 100 times what it was: median 4,120.00, before 39.90 to 43.10",
                &["3990.00"],
            ),
            finding(&["currency"], true, 4_855, "has a value never seen: “¢”", &["¢"]),
            finding(&["ship_date", "order_date"], true, 299, "ship_date lies before order_date", &[]),
            finding(&["country"], false, 150, "country: “DE” is 1.2 % more frequent than it ever was", &["<b>DE</b>"]),
        ],
        baseline: BaselineSummary { members: (0..30).map(member).collect(), expected: None },
    }
}

pub(crate) fn page_data() -> PageData {
    let columns = ["order_id", "order_date", "ship_date", "amount", "currency", "country", "note"];
    let value = |text: &str| Some(text.to_owned());
    let record = |record: u64, guilty: &[usize], reasons: &[&str]| SampleRecord {
        record,
        values: vec![
            value(&format!("A-902{record}")),
            value("2026-11-21"),
            value("2025-11-23"),
            value("3990.00"),
            value("¢"),
            None,
            value("<script>alert(1)</script>\u{202e}evil"),
        ],
        guilty: guilty.to_vec(),
        reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
    };
    let bin = |label: &str, before, now| PlotBin { label: label.into(), before, now };
    PageData {
        version: 1,
        columns: columns.map(str::to_owned).into(),
        sample: vec![
            record(17, &[3, 4], &["amount: 100 times their range", "currency: a value never seen"]),
            record(18, &[3, 4], &["amount: 100 times their range", "currency: a value never seen"]),
            record(4_100, &[2], &["ship_date lies before order_date"]),
        ],
        plots: vec![
            ColumnPlot {
                column: "amount".into(),
                bins: vec![
                    bin("up to 39.90", 0.1, 0.06),
                    bin("39.90 to 41.00", 0.42, 0.25),
                    bin("41.00 to 43.10", 0.4, 0.26),
                    bin("43.10 to 100", 0.08, 0.04),
                    bin("over 100", 0.0, 0.39),
                ],
            },
            ColumnPlot {
                column: "currency".into(),
                bins: vec![bin("EUR", 0.9, 0.55), bin("USD", 0.1, 0.06), bin("¢", 0.0, 0.389)],
            },
        ],
    }
}
