//! Data that would like to be more than data.

use std::path::Path;

use holdpoint_e2e::{Log, Options, Service, World, shown};

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];

/// Mentions, links, HTML, a header of a mail, text that runs backwards, formulas.
const VALUES: [&str; 8] = [
    "<!channel>",
    "<@U1>",
    "<http://evil.example|Approve>",
    "<img src=x onerror=alert(1)>",
    "x\r\nBcc: evil@example.com",
    "\u{202e}drawkcab\u{200b}",
    "=HYPERLINK(\"http://evil.example\")",
    "@SUM(A1)",
];

/// Every third departure goes to one of them.
pub(crate) fn spoiled() -> Vec<u8> {
    const DESTINATION: usize = 11;
    let clean = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/local/samples/clean.csv");
    let clean = std::fs::read_to_string(clean).expect("the sample is in the repository");
    let lines = clean.lines().enumerate().map(|(number, line)| {
        if number == 0 || number % 3 != 0 {
            return line.to_owned();
        }
        let value = format!("\"{}\"", VALUES[number / 3 % VALUES.len()].replace('"', "\"\""));
        let cells = line.split(',').enumerate();
        let cells = cells.map(|(place, cell)| if place == DESTINATION { value.as_str() } else { cell });
        cells.collect::<Vec<_>>().join(",")
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

/// What a person sees holds none of these.
fn assert_shown_as_text(surface: &str, text: &str, forbidden: &[&str]) {
    for part in forbidden.iter().copied().chain(["\u{202e}", "\u{200b}"]) {
        assert!(!text.contains(part), "{part:?} on {surface}: {text}");
    }
}

#[tokio::test]
async fn b37_hostile_values_are_shown_as_text_everywhere_and_neutral_in_csv() {
    let log = Log::default();
    let world = World::start(&ALL, Options { log: Some(log.clone()), ..Options::default() }).await;
    world.learn_samples().await;
    let held = world.deliver("<!channel>&<img src=x>.csv", spoiled()).await;
    let link = world.link_of(&world.settled_round(&held).await);

    let slack = shown(&world.slack_request().await);
    assert_shown_as_text("Slack", &slack, &["<!", "<@", "<http", "<img"]);
    let mail = world.request_mail().await;
    assert_shown_as_text("the mail", &mail.html, &["<img", "<!channel"]);
    assert_shown_as_text("the mail's text", &mail.text, &["\nBcc:"]);
    assert!(mail.header("Bcc").is_none(), "{:?}", mail.headers);

    let page = world.open(&link).await.html;
    assert_shown_as_text("the page", &page, &["<img", "<!channel", "href=\"http"]);
    assert!(page.contains("&lt;!channel&gt;") && page.contains("&lt;img src=x&gt;"), "as text: {page}");

    let bucket = &world.local.deployment.bucket;
    let key = format!("reports/{}/flagged.csv", held.push);
    let flagged = world.clients.s3.get_object().bucket(bucket).key(key).send().await.expect("it was written");
    let flagged = flagged.body.collect().await.expect("it can be read").to_vec();
    let flagged = String::from_utf8(flagged).expect("it is text");
    let harmful = |cell: &str| cell.starts_with(['=', '@', '+']);
    let mut cells = flagged.split(['\n', ',']).map(|cell| cell.trim_start_matches('"'));
    assert_eq!(cells.find(|cell| harmful(cell)), None, "no cell is a formula");
    assert!(flagged.contains("'=HYPERLINK") && flagged.contains("'@SUM"), "but the values are there: {flagged}");

    let lines = log.text();
    let broken = lines.lines().find(|line| serde_json::from_str::<serde_json::Value>(line).is_err());
    assert_eq!(broken, None, "each line of the log is one object");
    assert_shown_as_text("the log", &lines, &["evil.example", "<img src=x onerror"]);
}
