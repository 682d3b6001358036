//! Plots in SVG. None has a `viewBox` around text, because then its labels would shrink with the screen: lengths across
//! are percentages of the width that is there, and what is written is HTML or keeps its size.

use maud::{Markup, html};

use super::counted;
use crate::{ColumnPlot, PlotBin, Report, Share, words};

/// Bins that fit half a phone; of more, those that changed most are shown.
const BIN_LIMIT: usize = 6;

/// Accepted pushes in the plot of rates; the baseline has no more.
const PUSH_LIMIT: usize = 60;

/// Height of the plot of rates in pixels, and the room above it for its labels.
const HEIGHT: f64 = 96.0;
const HEADROOM: f64 = 20.0;

/// A bar that is this part of the width that is there. For the eye only: its number stands beside it.
pub(super) fn bar(part: f64, class: &str) -> Markup {
    html! {
        svg.bar aria-hidden="true" {
            rect.(class) width={ (format!("{:.2}", part.clamp(0.0, 1.0) * 100.0)) "%" } height="100%" {}
        }
    }
}

/// The rates of the last accepted pushes, as far as they were judged or replayed, this one's, and the limit.
pub(super) fn rates(report: &Report) -> Markup {
    let judged = report.baseline.members.iter().filter_map(|member| Some((member.delivered_at, member.known_rate()?)));
    let mut judged: Vec<_> = judged.collect();
    judged.drain(..judged.len().saturating_sub(PUSH_LIMIT));
    let Some((first, _)) = judged.first() else {
        return html! { p.soft { "Too few pushes were accepted before: there is no rate to compare with." } };
    };
    let rate = report.rate();
    let highest = judged.iter().map(|(_, rate)| *rate).fold(rate, Share::max).as_f64();
    let scale = HEIGHT / highest.max(report.threshold.as_f64()).max(f64::MIN_POSITIVE);
    #[expect(clippy::cast_precision_loss, reason = "at most 61 bars")]
    let slot = 100.0 / (judged.len() + 1) as f64;
    let limit = HEADROOM + HEIGHT - report.threshold.as_f64() * scale;
    html! {
        div.rates {
            svg role="img" aria-label=(in_words(report, judged.len())) {
                @for (place, (_, rate)) in judged.iter().enumerate() {
                    (upright(place, slot, rate.as_f64() * scale, "before"))
                }
                (upright(judged.len(), slot, rate.as_f64() * scale, "hot"))
                line.limit x1="0" x2="100%" y1=(px(limit)) y2=(px(limit)) {}
                text x="0" y=(px(limit - 5.0)) { "limit " (report.threshold) }
            }
            p.axis aria-hidden="true" {
                // Files that `check` took for history have an order and no day.
                @if first.as_second() > 86_400 { span { (words::day(*first)) } }
                span { (judged.len()) " accepted before" }
                span.hot { "now: " (rate) }
            }
        }
    }
}

fn in_words(report: &Report, judged: usize) -> String {
    let before = if judged == 1 { "push" } else { "pushes" };
    let (rate, limit) = (report.rate(), report.threshold);
    format!("Anomaly rates of the last {judged} accepted {before}, then of this one: {rate}. The limit is {limit}.")
}

fn upright(place: usize, slot: f64, height: f64, class: &str) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "at most 61 bars")]
    let left = place as f64 * slot + slot * 0.15;
    // Two pixels even of nothing, so that the push is seen to be there.
    let height = height.clamp(2.0, HEIGHT);
    html! {
        rect.(class) x={ (px(left)) "%" } width={ (px(slot * 0.7)) "%" } y=(px(HEADROOM + HEIGHT - height)) height=(px(height)) {}
    }
}

/// How a column's values are spread, before and now: one row per bin, so that the longest label has room.
pub(super) fn column(plot: &ColumnPlot) -> Markup {
    let shown = most_changed(&plot.bins);
    let left_out = plot.bins.len() - shown.len();
    let highest = shown.iter().flat_map(|bin| [bin.before, bin.now]).fold(f64::MIN_POSITIVE, f64::max);
    html! {
        table.plot {
            caption {
                b.value { (words::visible(&plot.column, 80)) } ", share of records: "
                span.key.before { "before" } " and " span.key.hot { "in this push" }
            }
            thead.hidden { tr { th scope="col" { "value" } th scope="col" { "share of records" } } }
            tbody {
                @for bin in shown {
                    tr {
                        th scope="row" { (words::visible(&bin.label, 60)) }
                        td { (level("before", bin.before, highest)) (level("hot", bin.now, highest)) }
                    }
                }
            }
        }
        @if left_out > 0 { p.soft { "And " (counted(left_out as u64, "value")) " that changed less." } }
    }
}

fn level(class: &str, part: f64, highest: f64) -> Markup {
    let when = if class == "hot" { "now " } else { "before " };
    html! {
        div.level {
            (bar(part / highest, class))
            span.{ "n " (class) } { span.hidden { (when) } (percent(part)) span.hidden { ", " } }
        }
    }
}

/// The bins that changed most, in their own order.
fn most_changed(bins: &[PlotBin]) -> Vec<&PlotBin> {
    let change = |bin: &PlotBin| (bin.now - bin.before).abs();
    let mut places: Vec<_> = (0..bins.len()).collect();
    places.sort_by(|a, b| change(&bins[*b]).total_cmp(&change(&bins[*a])));
    places.truncate(BIN_LIMIT);
    places.sort_unstable();
    places.into_iter().map(|place| &bins[place]).collect()
}

fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if percent > 0.0 && percent < 0.1 { "<0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

fn px(length: f64) -> String {
    format!("{length:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_bins_those_that_changed_most_are_shown_in_their_order() {
        let bin = |place: u32| PlotBin { label: place.to_string(), before: 0.0, now: f64::from(place % 20) / 100.0 };
        let bins: Vec<_> = (0..40).map(bin).collect();
        let shown: Vec<u32> = most_changed(&bins).iter().map(|bin| bin.label.parse().unwrap()).collect();
        assert_eq!(shown, (17..20).chain(37..40).collect::<Vec<_>>());
    }

    #[test]
    fn a_small_share_never_reads_as_nothing() {
        assert_eq!(
            [percent(0.0), percent(0.0001), percent(0.405), percent(1.0)],
            ["0.0 %", "<0.1 %", "40.5 %", "100.0 %"]
        );
    }
}
