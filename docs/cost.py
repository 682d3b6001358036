#!/usr/bin/env python3
"""Makes the tables of scale-and-cost.md from requests.json, which a test counts, and from the prices below.

Prices: list prices in us-east-1, in dollars, as known in November 2026, without free tiers. Check before you rely on them.
"""

import json
import re
from pathlib import Path

DAYS = 30.4
HOURS = DAYS * 24
PRICE = {
    "transitions": 25e-6,
    "s3_writes": 5e-6,
    "s3_reads": 0.4e-6,
    "sqs": 0.4e-6,
    "sqs_fifo": 0.5e-6,
    "s3_gb_month": 0.023,
    "log_gb": 0.50,
    "vcpu_hour": 0.03238,  # Fargate on arm64
    "gb_hour": 0.00356,
    "balancer_hour": 0.0225 + 0.008,  # with one capacity unit
    "public_ip_hour": 0.005,
    "secret_month": 0.40,
    "alarm_month": 0.10,
    "metric_month": 0.30,
    "dashboard_month": 3.00,
}

# Measured, with release builds and the sample of departures, 19 columns: see scale-and-cost.md.
PROFILE_MB = 0.1  # and as much for a push's evidence, when it is within the limit
LOG_KB_PUSH = 8  # the state machine's log has a line for each of 20 events
LOG_KB_REVIEW = 6

# Assumed: yours to replace.
PUSH_MB = 1
HELD = 0.05  # share of pushes that wait for a person
WAITS_DAYS = 8 / 24  # for so long
HISTORY = 60  # profiles that are read for a push: the most
REPORT_DAYS, LEARNED_DAYS = 90, 365
SECRETS = 4

# Long polls with nothing to do: clock and notices by each worker for 20 s, pushes by each analyzer for 5 s.
WORKER_DAY = {"sqs": 86400 / 20, "sqs_fifo": 86400 / 20}
ANALYZER_DAY = {"sqs": 86400 / 5}

# An alarm is charged for each metric that it looks at.
WATCHED = "".join((Path(__file__).parent / "../deploy/aws" / name).read_text() for name in ("watch.yaml", "scale.yaml"))
ALARMS = WATCHED.count("AWS::CloudWatch::Alarm\n") - WATCHED.count("      Metrics:\n") + WATCHED.count("MetricStat:")
METRICS = len(set(re.findall(r"MetricTransformations: .*MetricName: (\w+)", WATCHED)))

counted = json.loads((Path(__file__).parent / "requests.json").read_text())
PUSH = counted["push within the limit, 30 pushes of history"]
REVIEW = counted["review by one reviewer and in one channel, approved"]
HOUR = counted["open review, 60 ticks"]


def month(pushes, standing, analyzers, workers, callbacks=1):
    """Reviews open at a time, and dollars a month by service, with so many pushes a day and reviews that stay open."""
    held = pushes * HELD
    waiting = held * WAITS_DAYS + standing
    requests = dict.fromkeys(["transitions", "s3_writes", "s3_reads", "sqs", "sqs_fifo"], 0)

    def add(counts, times_a_day):
        for kind, count in counts.items():
            requests[kind] += count * times_a_day * DAYS

    add(PUSH, pushes)
    add({"s3_reads": HISTORY - 30}, pushes)
    # The states of a held push are as many as those of one within the limit.
    add({**REVIEW, "transitions": 0}, held)
    add(HOUR, waiting * 24)
    add(WORKER_DAY, workers)
    add(ANALYZER_DAY, analyzers)
    spent = {kind: count * PRICE[kind] for kind, count in requests.items()}
    evidence_gb = pushes * REPORT_DAYS * (PROFILE_MB + HELD * PUSH_MB) / 1000
    learned_gb = pushes * LEARNED_DAYS * PROFILE_MB / 1000
    small = 0.25 * PRICE["vcpu_hour"] + 0.5 * PRICE["gb_hour"]
    fargate = analyzers * (PRICE["vcpu_hour"] + 4 * PRICE["gb_hour"]) + (workers + callbacks) * small
    addresses = (analyzers + workers + callbacks + 2) * PRICE["public_ip_hour"]
    return waiting, {
        "Step Functions": spent["transitions"],
        "S3 requests": spent["s3_writes"] + spent["s3_reads"],
        "S3 storage, after a year": (evidence_gb + learned_gb) * PRICE["s3_gb_month"],
        "SQS": spent["sqs"] + spent["sqs_fifo"],
        "Fargate": fargate * HOURS,
        "load balancer, public addresses": (PRICE["balancer_hour"] + addresses) * HOURS,
        "logs": (pushes * LOG_KB_PUSH + held * LOG_KB_REVIEW) * DAYS / 1e6 * PRICE["log_gb"],
        "secrets, alarms, metrics, dashboard": SECRETS * PRICE["secret_month"]
        + ALARMS * PRICE["alarm_month"]
        + METRICS * PRICE["metric_month"]
        + PRICE["dashboard_month"],
    }


def table(columns):
    """One column for each size: a title and the arguments of `month`."""
    months = [(title, size, *month(*size)) for title, size in columns]
    rows = [["$ a month"] + [title for title, *_ in months]]
    rows.append(["---"] + ["--:"] * len(months))
    rows.append(["reviews open at a time"] + [f"{waiting:,.0f}" for _, _, waiting, _ in months])
    rows.append(["analyzers, workers, callbacks"] + [", ".join(map(str, [*size[2:], 1])) for _, size, _, _ in months])
    for service in months[0][3]:
        rows.append([service] + [f"{spent[service]:,.2f}" for *_, spent in months])
    rows.append(["**all**"] + [f"**{sum(spent.values()):,.0f}**" for *_, spent in months])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    print(
        table(
            [
                ("nothing", (0, 0, 1, 1)),
                ("10 pushes a day", (10, 0, 1, 1)),
                ("1,000", (1_000, 0, 1, 1)),
                ("100,000", (100_000, 0, 4, 2)),
                ("1,000, and 10,000 reviews that stay open", (1_000, 10_000, 1, 2)),
            ]
        )
    )
    year = month(0, 1, 0, 0, 0)[1]
    day = (year["S3 requests"] + year["SQS"]) / DAYS
    print(f"\nOne open review: {100 * day:.2f} cents a day.")
