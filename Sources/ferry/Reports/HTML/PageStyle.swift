/// How a report's page looks: in light and dark, on narrow screens and on paper.
enum PageStyle {
  static let sheet: StaticString = """

    :root {
      color-scheme: light dark;
      --paper: #fff; --ink: #1c2127; --faint: #5b6570; --line: #d9dee3; --stripe: #f6f8fa;
      --own: #2f6fb2; --shared: #a9c7e6; --good: #1a7f37; --warn: #8a5a00; --bad: #b3261e;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #14181d; --ink: #e4e8ec; --faint: #9aa5b1; --line: #343c45; --stripe: #1a1f26;
        --own: #6aa5e0; --shared: #34506e; --good: #58c274; --warn: #e0b04c; --bad: #ff8a80;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 90rem; background: var(--paper);
      color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
    }
    h1 { margin: 0 0 .25rem; font-size: 1.6rem; line-height: 1.25; }
    h2 { margin: 2.2rem 0 .6rem; font-size: 1.1rem; }
    p.verdict { margin: 0 0 1.2rem; font-size: 1.1rem; font-weight: 600; }
    .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
    dt { color: var(--faint); }
    dd { margin: 0; overflow-wrap: anywhere; }
    code { font: .86em/1.4 ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", monospace; }
    ul { margin: 0; padding-left: 1.2rem; }
    li { overflow-wrap: anywhere; white-space: pre-line; }
    .wide { overflow-x: auto; }
    table { width: 100%; border-collapse: collapse; font-size: .93rem; }
    caption { text-align: left; color: var(--faint); padding-bottom: .4rem; }
    th, td { padding: .4rem .6rem; text-align: left; vertical-align: top; }
    thead th { border-bottom: 2px solid var(--line); color: var(--faint); font-weight: 600; }
    tbody th { font-weight: 500; }
    tbody tr { border-bottom: 1px solid var(--line); }
    tbody tr:nth-child(even) { background: var(--stripe); }
    td.name, tbody th { overflow-wrap: anywhere; white-space: pre-line; min-width: 11rem; }
    td.digest { overflow-wrap: anywhere; min-width: 19rem; max-width: 22rem; }
    td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
    td.state { white-space: nowrap; font-weight: 600; }
    td.graph { width: 45%; min-width: 10rem; }
    svg { display: block; width: 100%; height: 1.1rem; }
    rect.own { fill: var(--own); } rect.shared { fill: var(--shared); }
    .key { display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 1em; border-radius: 2px; }
    .key.own { background: var(--own); } .key.shared { background: var(--shared); }
    footer { margin-top: 3rem; color: var(--faint); font-size: .87rem; }
    @media print {
      body { padding: 0; max-width: none; font-size: 10pt; }
      .wide { overflow: visible; }
      .key, tbody tr { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
      tr, li { break-inside: avoid; }
      thead { display: table-header-group; }
    }

    """
}
