"""The workbench's commands: on the user's own data, and on a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reprise.cli.output import EXIT_INTERRUPTED, Json, escaped, print_json, stderr, stdout


def register(app: typer.Typer) -> None:
    """Add the workbench's commands to the command line."""
    app.command()(bench)
    app.command("inspect")(inspect_)


def bench(
    task: Annotated[str, typer.Argument(help="What to do with the data, such as `cluster`.")],
    data: Annotated[
        str,
        typer.Argument(
            help="npy, npz, csv, tsv, parquet, safetensors or jsonl; FILE:KEY for one array of several. For "
            "graph-classify a TU folder, or a txt file in GIN's form; for hierarchy a table with title or abstract."
        ),
    ],
    labels: Annotated[
        str | None,
        typer.Option(help="A file with the labels, or a column of the data; for discover some missing, empty or -1."),
    ] = None,
    truth: Annotated[
        str | None, typer.Option(help="discover: a file or column with every row's true class, for scores only.")
    ] = None,
    n_clusters: Annotated[
        int | None, typer.Option(help="How many clusters or classes; else as many as labels, or estimated.", min=2)
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="graph-classify: stratified folds to test on, 10 unless given; proportions: folds of bags, 5.", min=2
        ),
    ] = None,
    groups: Annotated[
        str | None, typer.Option(help="proportions: the bag of each row, a column of the data or a file.")
    ] = None,
    proportions: Annotated[
        str | None,
        typer.Option(
            help="proportions: each bag's share or number of positives, a column of the data or a file of bags and "
            "numbers; counted from the labels unless given."
        ),
    ] = None,
    budget: Annotated[str, typer.Option(help="Time for all methods together, such as 90s, 10m or 1h.")] = "10m",
    scale: Annotated[
        str | None,
        typer.Option(help="auto (default), standard: columns to one spread, unit: rows to length 1, or none."),
    ] = None,
    seed: Annotated[int, typer.Option(help="All randomness comes from it.", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the report and labels; reprise-bench/DATA unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare every method for a task, and the standard ones, on your own data; writes a report and the best answer."""
    from reprise import workbench
    from reprise.workbench.terminal import leaderboard

    settings: dict[str, Any] = {
        name: value
        for name, value in (
            ("n_clusters", n_clusters),
            ("truth", truth),
            ("scale", scale),
            ("folds", folds),
            ("groups", groups),
            ("proportions", proportions),
        )
        if value is not None
    }
    folder = out if out is not None else Path("reprise-bench") / Path(data).resolve().stem
    try:
        board = workbench.bench(task, data, labels, budget=budget, seed=seed, **settings)
    except KeyboardInterrupt:
        stderr().print("Stopped before any method had finished.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        print_json(board.to_json())
    else:
        console = stdout()
        console.print(leaderboard(board, console.width))
    board.need_one()
    files = board.write(folder)
    beside = ", ".join(path.name for path in files[1:])
    stderr().print(f"Report: {escaped(str(files[0]))}   Beside it: {beside}", soft_wrap=True)
    if board.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


def inspect_(
    model: Annotated[
        str, typer.Argument(help="A packaged model, a folder, or a name on the Hugging Face hub.")
    ] = "smollm2-135m-instruct",
    sections: Annotated[
        str | None, typer.Option(help="Only these, with commas between, such as retrieval,times; all unless given.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Time for all sections together, such as 90s, 10m or 1h.")] = "8m",
    seed: Annotated[int, typer.Option(help="All randomness comes from it.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32",
    resume: Annotated[bool, typer.Option("--resume", help="Keep finished sections of an interrupted run.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the report; reprise-inspect/MODEL unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find out what is in a language model, each finding beside its control; writes a report."""
    from reprise import workbench
    from reprise.workbench.inspection.subject import folder_name
    from reprise.workbench.inspection.terminal import findings

    folder = out if out is not None else Path("reprise-inspect") / folder_name(model)
    chosen = None if sections is None else [name for part in sections.split(",") if (name := part.strip())]
    try:
        inspection = workbench.inspect_model(
            model,
            sections=chosen,
            budget=budget,
            seed=seed,
            device=device,
            dtype=dtype,
            resume=resume,
            out=folder,
        )
    except KeyboardInterrupt:
        stderr().print("Stopped before any section had ended.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        print_json(inspection.to_json())
    else:
        stdout().print(findings(inspection))
    stderr().print(f"Report: {escaped(str(folder / 'index.html'))}", soft_wrap=True)
    if inspection.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    inspection.need_one()
