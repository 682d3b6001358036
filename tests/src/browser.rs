//! A real browser, where there is one: Chromium without a window, told what to do over its debugging pipe.
//!
//! By hand: two pipes and JSON with a zero byte behind each message are all that is needed of the Chrome `DevTools` Protocol
//! (<https://chromedevtools.github.io/devtools-protocol/>). A client crate would bring `WebSockets` and every type of it.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// No page of its own, no question, nobody called but who the page calls.
const ARGUMENTS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "about:blank",
];
/// Chromium reads commands from its descriptor 3 and answers on 4; a shell makes those of ours.
const PIPES: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";
const PATIENCE: Duration = Duration::from_secs(30);
const HEIGHT: u32 = 844;
/// A phone and a desk, by day and by night: what a page must hold in.
const SCREENS: [Screen; 4] = [
    Screen { width: 390, theme: "light" },
    Screen { width: 1280, theme: "light" },
    Screen { width: 390, theme: "dark" },
    Screen { width: 1280, theme: "dark" },
];
/// What is asked of the page once it is there.
const FACTS: &str = "JSON.stringify({
    title: document.title,
    text: document.body.innerText,
    styles: document.styleSheets.length,
    elements: [...new Set([...document.querySelectorAll('*')].map(element => element.tagName.toLowerCase()))],
})";
/// What is asked of it on each screen.
const FAULTS: &str = include_str!("browser/faults.js");

struct Screen {
    width: u32,
    theme: &'static str,
}

/// What a browser made of a page.
#[derive(Debug)]
pub struct Look {
    /// Every address that it asked for by itself, the page's own first.
    pub requests: Vec<String>,
    /// What a script said in a dialog.
    pub dialogs: Vec<String>,
    /// The page's title.
    pub title: String,
    /// What a person can read.
    pub text: String,
    /// Stylesheets that were let in.
    pub styles: u64,
    /// Names of the elements on it.
    pub elements: Vec<String>,
    /// What a person would stumble over, and on which screen: a page that has to be scrolled sideways, faint text, something
    /// too small to be hit by a thumb.
    pub faults: Vec<String>,
}

/// A browser with one page.
struct Browser {
    process: Child,
    commands: Option<ChildStdin>,
    messages: Receiver<Value>,
    session: Value,
    sent: u64,
    /// What it told unasked.
    events: Vec<Value>,
}

/// Whether there is a browser on this machine. Without, a test can only say that it did not run.
pub fn is_there() -> bool {
    name().is_some()
}

/// Opens an address in a new browser, and presses what is named: each press, a line of script as a person's hand, sends a form.
/// Then the page is looked at on every screen; pictures go to the folder `HOLDPOINT_SCREENSHOTS`, if there is one.
///
/// Takes some seconds, in which the world goes on.
pub async fn look(name: &'static str, address: &str, presses: &'static [&'static str]) -> Look {
    let address = address.to_owned();
    let look = move || Browser::start().look(name, &address, presses);
    tokio::task::spawn_blocking(look).await.expect("it looked")
}

fn screenshots() -> Option<PathBuf> {
    std::env::var_os("HOLDPOINT_SCREENSHOTS").map(PathBuf::from)
}

fn name() -> Option<&'static str> {
    let starts = |name: &&&str| {
        let version = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    NAMES.iter().find(starts).copied()
}

impl Browser {
    fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder can be made");
        let mut process = Command::new("sh")
            .args([
                "-c",
                PIPES,
                name().expect("asked before"),
                &format!("--user-data-dir={}", profile.path().display()),
            ])
            .args(ARGUMENTS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let commands = process.stdin.take();
        let answers = process.stdout.take().expect("it is piped");
        let (tell, messages) = mpsc::channel();
        std::thread::spawn(move || {
            // For as long as the browser lives.
            let _profile = profile;
            for message in BufReader::new(answers).split(0) {
                let message = message.expect("the pipe can be read");
                let _ = tell.send(serde_json::from_slice(&message).expect("a message is JSON"));
            }
        });
        let mut browser = Self { process, commands, messages, session: Value::Null, sent: 0, events: Vec::new() };
        let page = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = json!({ "targetId": page["targetId"], "flatten": true });
        browser.session = browser.call("Target.attachToTarget", &attached)["sessionId"].clone();
        browser
    }

    fn look(mut self, name: &str, address: &str, presses: &[&str]) -> Look {
        self.show_on(&SCREENS[0]);
        self.call("Page.enable", &json!({}));
        self.call("Network.enable", &json!({}));
        self.call("Page.navigate", &json!({ "url": address }));
        self.wait_for_page();
        for press in presses {
            self.events.clear();
            self.evaluate(press);
            self.wait_for_page();
        }
        let facts = self.evaluate(FACTS);
        let facts: Value = facts.as_str().and_then(|text| serde_json::from_str(text).ok()).expect(FACTS);
        let faults = SCREENS.iter().flat_map(|screen| self.faults_on(screen, name)).collect();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Look {
            requests: self.told("Network.requestWillBeSent").map(|event| text(&event["request"]["url"])).collect(),
            dialogs: self.told("Page.javascriptDialogOpening").map(|event| text(&event["message"])).collect(),
            title: text(&facts["title"]),
            text: text(&facts["text"]),
            styles: facts["styles"].as_u64().expect("they are counted"),
            elements: facts["elements"].as_array().expect("they are listed").iter().map(text).collect(),
            faults,
        }
    }

    fn show_on(&mut self, screen: &Screen) {
        let window = json!({ "width": screen.width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": true });
        self.call("Emulation.setDeviceMetricsOverride", &window);
        let theme = json!({ "features": [{ "name": "prefers-color-scheme", "value": screen.theme }] });
        self.call("Emulation.setEmulatedMedia", &theme);
    }

    fn faults_on(&mut self, screen: &Screen, name: &str) -> Vec<String> {
        self.show_on(screen);
        let faults = self.evaluate(FAULTS);
        let on = format!("{} {}", screen.theme, screen.width);
        if let Some(folder) = screenshots() {
            let picture = self.call("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
            let picture = BASE64_STANDARD.decode(picture["data"].as_str().unwrap_or_default()).expect("it is base64");
            std::fs::write(folder.join(format!("{name} {on}.png")), picture).expect("the folder can be written");
        }
        let faults: Vec<String> = serde_json::from_value(faults).expect("faults are texts");
        faults.into_iter().map(|fault| format!("{on}: {fault}")).collect()
    }

    fn evaluate(&mut self, script: &str) -> Value {
        let answer = self.call("Runtime.evaluate", &json!({ "expression": script, "returnByValue": true }));
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    fn wait_for_page(&mut self) {
        while self.told("Page.loadEventFired").next().is_none() {
            self.hear();
        }
    }

    /// What an event of this name carried, each time.
    fn told(&self, event: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |message| message["method"] == event).map(|message| &message["params"])
    }

    /// Asks for something and waits for the answer.
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let number = self.send(method, parameters);
        loop {
            let answer = self.hear();
            if answer["id"] == number {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn send(&mut self, method: &str, parameters: &Value) -> u64 {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": parameters });
        if !self.session.is_null() {
            command["sessionId"] = self.session.clone();
        }
        let commands = self.commands.as_mut().expect("it is open until the end");
        commands.write_all(format!("{command}\0").as_bytes()).expect("the browser listens");
        self.sent
    }

    /// The next message. A page waits for as long as a dialog of its own is open.
    fn hear(&mut self) -> Value {
        let message = self.messages.recv_timeout(PATIENCE).expect("the browser says something in time");
        if message["method"] == "Page.javascriptDialogOpening" {
            self.send("Page.handleJavaScriptDialog", &json!({ "accept": true }));
        }
        self.events.push(message.clone());
        message
    }
}

impl Drop for Browser {
    /// It ends when nobody can tell it anything any more.
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.process.wait();
    }
}
