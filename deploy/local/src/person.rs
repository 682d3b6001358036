//! A reviewer at a browser, for scripts and tests: opens a link, fills the form, confirms.
//!
//! It knows of a page what a browser knows: its forms and their fields.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, bail};
use url::Url;

/// A person with a browser.
#[derive(Debug, Clone)]
pub struct Person {
    http: reqwest::Client,
}

/// What a page answered.
#[derive(Debug, Clone)]
pub struct Page {
    /// HTTP status.
    pub status: u16,
    /// HTML.
    pub html: String,
    url: Url,
}

impl Person {
    /// A person who follows no redirect unseen and waits at most ten seconds.
    pub fn new() -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Self { http: http.expect("a client without certificates of its own can be built") }
    }

    /// Opens a link.
    ///
    /// # Errors
    /// The page did not answer.
    pub async fn open(&self, link: &str) -> anyhow::Result<Page> {
        let url: Url = link.parse()?;
        read(url.clone(), self.http.get(url).send().await?).await
    }

    /// Chooses, and confirms on the page that follows; the last page.
    ///
    /// # Errors
    /// The page did not answer, or has no form.
    pub async fn decide(&self, link: &str, decision: &str, reason: &str) -> anyhow::Result<Page> {
        let page = self.open(link).await?;
        let asked = self.submit(&page, &[("decision", decision), ("reason", reason)]).await?;
        if asked.status != 200 {
            return Ok(asked);
        }
        self.submit(&asked, &[]).await
    }

    /// Sends a page's form with what was filled in.
    ///
    /// # Errors
    /// The page has no form, or the next one did not answer.
    pub async fn submit(&self, page: &Page, filled: &[(&str, &str)]) -> anyhow::Result<Page> {
        let Some((action, mut fields)) = page.form() else { bail!("the page has no form:\n{}", page.html) };
        fields.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let url = page.url.join(&action)?;
        read(url.clone(), self.http.post(url).form(&fields).send().await?).await
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

async fn read(url: Url, response: reqwest::Response) -> anyhow::Result<Page> {
    let status = response.status().as_u16();
    Ok(Page { status, html: response.text().await.context("the page broke off")?, url })
}

impl Page {
    /// Whether a decision can be taken on this page.
    pub fn has_form(&self) -> bool {
        self.form().is_some()
    }

    /// The target and the hidden fields of the first form that posts; one that only asks for another page decides nothing.
    fn form(&self) -> Option<(String, BTreeMap<String, String>)> {
        let forms = self.html.split("<form").skip(1).filter_map(|rest| rest.split_once("</form>"));
        let mut forms = forms.map(|(form, _)| form);
        let form = forms.find(|form| form.split('>').next().is_some_and(|tag| tag.contains("method=\"post\"")))?;
        let action = attribute(form.split_once('>')?.0, "action").unwrap_or_default();
        let inputs = form.split("<input").skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag);
        let hidden = inputs.filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"));
        let fields = hidden.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)));
        Some((action, fields.collect()))
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!("{name}=\""))?.1.split_once('"')?.0;
    Some(value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_found_as_a_browser_finds_it() {
        let html = r#"<p>x</p><form method="get"><input type="hidden" name="form" value="no"></form><form class="card" method="post" action="/r/a/confirm"><input type="hidden" name="form" value="a&amp;b">
            <input type="radio" name="decision" value="approve"><textarea name="reason"></textarea></form>"#;
        let page = Page { status: 200, html: html.into(), url: "http://127.0.0.1/r/a".parse().unwrap() };
        let (action, fields) = page.form().unwrap();
        assert_eq!(action, "/r/a/confirm");
        assert_eq!(fields, BTreeMap::from([("form".to_owned(), "a&b".to_owned())]));
        assert!(!Page { html: "<p>no form</p>".into(), ..page }.has_form());
    }
}
