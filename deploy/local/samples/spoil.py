"""Makes spoiled.csv from the push of 1 February 2013, read from standard input: what two everyday accidents do to a file.

Every third flight has its air time in seconds instead of minutes (a unit mix-up in one of the sender's systems), and every
seventh has lost its tail number (a join that found nothing).

    python3 spoil.py < 2013-02-01.csv > spoiled.csv
"""
import csv
import sys

rows = csv.DictReader(sys.stdin)
out = csv.DictWriter(sys.stdout, rows.fieldnames, lineterminator="\n")
out.writeheader()
for number, row in enumerate(rows):
    if number % 3 == 0 and row["air_time"]:
        row["air_time"] = f"{float(row['air_time']) * 60:.1f}"
    if number % 7 == 0:
        row["tailnum"] = ""
    out.writerow(row)
