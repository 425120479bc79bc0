"""Results as TSV (every measurement), Markdown (medians over the rounds) and SVG (bars)."""

from scenarios import median

COLUMNS = ["per_second", "p50_us", "p99_us", "cpu_us_per_op", "mb_per_second", "cpu_s_per_gb", "kib_per_session"]
TITLES = {"per_second": "per second", "p50_us": "p50 µs", "p99_us": "p99 µs", "cpu_us_per_op": "proxy CPU µs/op",
          "mb_per_second": "MB/s", "cpu_s_per_gb": "proxy CPU s/GB", "kib_per_session": "KiB/session"}
COLOURS = ["#6b7280", "#d97706", "#2563eb", "#059669", "#7c3aed"]


def shown(value):
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def tsv(rows):
    lines = ["\t".join(["round", "scenario", "peer", *COLUMNS])]
    for row in rows:
        cells = ["" if row.get(column) is None else f"{row[column]:.3f}" for column in COLUMNS]
        lines.append("\t".join([str(row["round"]), row["scenario"], row["peer"], *cells]))
    return "\n".join(lines) + "\n"


def medians(rows):
    """Scenario -> peer -> column -> median over the rounds, in the order of measurement."""
    found = {}
    for row in rows:
        found.setdefault(row["scenario"], {}).setdefault(row["peer"], []).append(row)
    return {s: {p: {c: median(these, c) for c in COLUMNS} for p, these in peers.items()} for s, peers in found.items()}


def markdown(rows, about):
    lines = [*(f"{key}: {value}  " for key, value in about.items()), ""]
    table = medians(rows)
    for scenario, peers in table.items():
        columns = [c for c in COLUMNS if any(values[c] is not None for values in peers.values())]
        lines += [f"### {scenario}", "", "| peer | " + " | ".join(TITLES[c] for c in columns) + " |", "|---" * (len(columns) + 1) + "|"]
        lines += [f"| {peer} | " + " | ".join(shown(values[c]) for c in columns) + " |" for peer, values in peers.items()]
        lines.append("")
    return "\n".join(lines)


def svg(title, groups, unit):
    """Grouped horizontal bars: groups is a list of (label, [(peer, value)])."""
    peers = list(dict.fromkeys(peer for _, bars in groups for peer, _ in bars))
    most = max((value for _, bars in groups for _, value in bars), default=1) or 1
    height = 60 + sum(len(bars) * 18 + 16 for _, bars in groups)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{height}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>', f'<text x="12" y="24" font-size="16">{title} ({unit})</text>']
    y = 48
    for label, bars in groups:
        parts.append(f'<text x="12" y="{y + 13}" font-weight="bold">{label}</text>')
        for peer, value in bars:
            width, colour = value / most * 460, COLOURS[peers.index(peer) % len(COLOURS)]
            parts.append(f'<text x="230" y="{y + 13}" text-anchor="end">{peer}</text>')
            parts.append(f'<rect x="238" y="{y + 2}" width="{width:.1f}" height="14" fill="{colour}"/>')
            parts.append(f'<text x="{244 + width:.1f}" y="{y + 13}">{shown(value)}</text>')
            y += 18
        y += 16
    return "\n".join([*parts, "</svg>"]) + "\n"


def charts(rows):
    """File name -> SVG, one for each kind of figure that was measured."""
    table, made = medians(rows), {}
    for column in COLUMNS:
        groups = []
        for scenario, peers in table.items():
            bars = [(peer, values[column]) for peer, values in peers.items() if values[column] is not None]
            if bars:
                groups.append((scenario, bars))
        if groups:
            made[f"{column}.svg"] = svg(TITLES[column], groups, "median over rounds")
    return made
