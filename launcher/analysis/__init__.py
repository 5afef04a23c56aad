"""`dcnet analyze`: how large a DC-net must be, what its key graph stands, and what its rounds cost.

Three experiments, `size`, `graph` and `rounds`, each a module with the same five functions:

    results(options, tell) -> Results     every table of the experiment; finished parts come from the cache
    section(results) -> str               its part of the report: Markdown that begins with a heading of level 3
    draw(axes, results) -> None           its panel in a figure of the report (graph and rounds)
    summary(results) -> str               what the command prints: a few lines
    run(options) -> int                   the command: results, tables as CSV, summary; its exit status

A result is tables of plain rows (`tables.Rows`), so that the cache, the CSV files, the report and the plots hold the
same numbers. All randomness comes from `options.generator(...)`: one seed, the same numbers, in whatever order.
"""
