//! A mail server that says what the test wants at `RCPT TO`, and keeps what it took. On a thread of its own; it speaks no
//! TLS and offers none.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// The double.
pub(crate) struct Smtp {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    refusals: Vec<(String, &'static str)>,
    last_words: Vec<&'static str>,
    taken: Vec<String>,
    untaken: Vec<String>,
    lines: Vec<String>,
}

impl Smtp {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let serving = state.clone();
        // Ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up ends its own conversation only.
                let _ = converse(stream, &serving);
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The next mail to this address gets this reply.
    pub(crate) fn refuse_once(&self, address: &str, reply: &'static str) {
        self.state.lock().unwrap().refusals.push((address.to_owned(), reply));
    }

    /// The next mail is heard to its end, and then gets this reply.
    pub(crate) fn refuse_after_data(&self, reply: &'static str) {
        self.state.lock().unwrap().last_words.push(reply);
    }

    /// The mails that were heard to their end and not taken.
    pub(crate) fn untaken(&self) -> Vec<String> {
        self.state.lock().unwrap().untaken.clone()
    }

    /// The mails that were taken, whole.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.state.lock().unwrap().taken.clone()
    }

    /// Every line that a client said.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.state.lock().unwrap().lines.clone()
    }
}

fn converse(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    writeln!(out, "220 double\r")?;
    while let Some(line) = lines.next() {
        let line = line?;
        state.lock().unwrap().lines.push(line.clone());
        let reply = match line.split_whitespace().next() {
            Some("RCPT") => refusal_of(&line, state).unwrap_or("250 ok"),
            Some("DATA") => {
                writeln!(out, "354 go on\r")?;
                let mail: Vec<_> = lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
                state.lock().unwrap().hear(mail.join("\r\n"))
            }
            Some("QUIT") => "221 bye",
            _ => "250 ok",
        };
        writeln!(out, "{reply}\r")?;
    }
    Ok(())
}

impl State {
    fn hear(&mut self, mail: String) -> &'static str {
        let Some(refusal) = self.last_words.pop() else {
            self.taken.push(mail);
            return "250 taken";
        };
        self.untaken.push(mail);
        refusal
    }
}

fn refusal_of(line: &str, state: &Mutex<State>) -> Option<&'static str> {
    let mut state = state.lock().unwrap();
    let place = state.refusals.iter().position(|(address, _)| line.contains(address))?;
    Some(state.refusals.remove(place).1)
}
