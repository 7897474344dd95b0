"""The command line: thin calls of the library; nothing heavy is imported before a command needs it."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reprise.errors import InvalidInputError, RepriseError
from reprise.site import commands as site_commands

if TYPE_CHECKING:
    from rich.console import Console


app = typer.Typer(
    help="Reprise: daily papers you can run. Use each method on your own data, and measure its claims again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130
ALL = "all"


class ScaleName(StrEnum):
    """Sizes of a run."""

    quick = "quick"
    desktop = "desktop"
    full = "full"


Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the results.")]
Slug = Annotated[str, typer.Argument(help="Name of the paper, as in `reprise papers`.")]


def main() -> None:
    """Run the command line: an error of ours is one sentence and exit code 2."""
    try:
        app()
    except RepriseError as problem:
        _stderr().print(f"[bold red]Error:[/bold red] {_escape(str(problem))}", soft_wrap=True)
        sys.exit(EXIT_ERROR)


@app.command()
def papers(
    query: Annotated[str | None, typer.Argument(help="Words to look for; misspellings are forgiven.")] = None,
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    task: Annotated[str | None, typer.Option(help="Only papers for this task.")] = None,
    status: Annotated[str | None, typer.Option(help="planned, method or measured.")] = None,
    as_json: Json = False,
) -> None:
    """List, filter and search the papers."""
    from rich.table import Table

    from reprise import catalogue

    found = catalogue.papers(family=family, task=task, status=status, query=query)
    if as_json:
        _print_json([_paper_facts(paper) for paper in found])
        return
    table = Table(title=f"{len(found)} papers", title_justify="left")
    for name in ("slug", "family", "status"):
        longest = max((len(getattr(paper, name)) for paper in found), default=0)
        table.add_column(name, no_wrap=True, min_width=longest)
    table.add_column("title", no_wrap=True, overflow="ellipsis")
    for paper in found:
        table.add_row(paper.slug, paper.family, paper.status, paper.title)
    _stdout().print(table)


@app.command()
def show(slug: Slug, as_json: Json = False) -> None:
    """Show one paper: what it is, its figures, our verdicts, and how to use it."""
    from reprise import catalogue, ledger

    paper = catalogue.paper(slug)
    result = ledger.committed(slug)
    if as_json:
        _print_json(_paper_facts(paper) | {"result": result.model_dump(mode="json", by_alias=True) if result else None})
        return
    console = _stdout()
    console.print(f"[bold]{_escape(paper.title)}[/bold]")
    line = [", ".join(paper.authors), str(paper.date), paper.venue, paper.arxiv_url, paper.code]
    console.print(" · ".join(part for part in line if part), style="dim")
    console.print(f"\n{_escape(paper.summary)}\n")
    for figure in paper.figures:
        console.print(f"  the paper: {_escape(f'{figure.metric}: {figure.value} ({figure.data}; {figure.verified})')}")
    if result:
        from reprise import claims
        from reprise.report import claim_table

        for scale, run in result.runs.items():
            console.print(f"\nMeasured at scale {scale}, {len(run.trials)} seeds:")
            console.print(claim_table(run, claims.load(slug).CLAIMS))
    elif paper.status == "planned":
        console.print("Planned: nothing of it can be used yet.")
        return
    console.print(f'\nInstall:  pip install "{catalogue.distribution(paper.family)}"\n', markup=False)
    console.print(catalogue.snippet(paper), markup=False, highlight=False, soft_wrap=True)
    console.print(f"\nMeasure it again:  reprise run {slug}")


@app.command()
def run(
    slugs: Annotated[list[str], typer.Argument(help="Papers to measure, one after the other; `all` for every one.")],
    seeds: Annotated[str, typer.Option(help="How many (5), a range (1000-1002) or a list (3,7).")] = "5",
    scale: Annotated[ScaleName, typer.Option(help="quick takes seconds, desktop minutes, full the paper's size.")] = (
        ScaleName.desktop
    ),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    jobs: Annotated[int, typer.Option(help="Trials at once; 0 runs them in this process.", min=0)] = 1,
    ray: Annotated[str | None, typer.Option(help="Address of a Ray cluster, or `local`.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep finished trials of an interrupted run.")] = False,
    out: Out = Path("reprise-results"),
    as_json: Json = False,
) -> None:
    """Measure the claims of papers on real data and print the verdicts; writes a report beside the results."""
    from reprise import claims, runner
    from reprise.report import arm_tables, claim_table, write_paper_page
    from reprise.runner.progress import RunProgress

    every = ALL in slugs
    if not every:
        for slug in slugs:  # a wrong name is told before anything is measured
            claims.load(slug)
    settings: dict[str, Any] = {
        "seeds": _seeds(seeds),
        "scale": scale.value,
        "device": device,
        "jobs": jobs,
        "ray": ray,
        "resume": resume,
        "out": out,
    }
    console = _stdout()
    results: list[Any] = []
    failures: list[str] = []
    for slug in claims.runnable() if every else slugs:
        try:
            with RunProgress(_stderr()) as progress:
                result = runner.run([slug], on_event=progress.show, **settings)[0]
        except KeyboardInterrupt:
            _stderr().print(f"Stopped. Finished trials are kept in {out}; the same command with --resume continues.")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except RepriseError as problem:
            if not every or isinstance(problem, InvalidInputError):  # a wrong setting is wrong for every paper
                raise
            failures.append(f"{slug}: {problem}")
            continue
        page = write_paper_page(result, out / f"{slug}.html")
        results.append(result)
        if as_json:
            continue
        current, promised = result.runs[scale.value], claims.load(slug).CLAIMS
        console.rule(f"[bold]{slug}[/bold]")
        for table in (*arm_tables(current, promised), claim_table(current, promised)):
            console.print(table)
        console.print(f"Results: {out / slug}.json   Report: {page}", soft_wrap=True)
    if as_json:
        _print_json([result.model_dump(mode="json", by_alias=True) for result in results])
    for failure in failures:
        _stderr().print(f"[bold red]Not measured:[/bold red] {_escape(failure)}", soft_wrap=True)
    if failures:
        raise typer.Exit(EXIT_ERROR)


@app.command()
def ledger(
    folder: Annotated[Path | None, typer.Option("--from", help="Read this folder of results instead.")] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take the folder's results into the package's own ledger (maintainers).")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Adopt results of other code than this too.")] = False,
    as_json: Json = False,
) -> None:
    """Print every verdict beside the papers' own figures."""
    from reprise import ledger as book
    from reprise.report import ledger_table

    if folder is not None and not folder.is_dir():
        raise InvalidInputError(f"There is no folder {folder}; `reprise run` makes one.")
    if adopt:
        if folder is None:
            raise InvalidInputError("Name the folder to take from: `reprise ledger --adopt --from FOLDER`.")
        taken = book.adopt(folder, force=force)
        _stderr().print(f"Taken into the ledger: {', '.join(taken) or 'nothing'}.")
    results = book.all_in(folder) if folder is not None else book.all_committed()
    if as_json:
        _print_json([result.model_dump(mode="json", by_alias=True) for result in results])
    else:
        _stdout().print(ledger_table(results))


@app.command()
def report(
    slug: Slug,
    out: Out = Path("reprise-results"),
    committed: Annotated[bool, typer.Option("--committed", help="Report the package's own ledger.")] = False,
) -> None:
    """Write a paper's results as one HTML page that opens without a server."""
    from reprise import catalogue
    from reprise import ledger as book
    from reprise.report import write_paper_page

    catalogue.paper(slug)
    path = out / f"{slug}.json"
    result = book.read(path) if path.is_file() and not committed else book.committed(slug)
    if result is None:
        raise InvalidInputError(f"{slug} has no results in {out} nor in the ledger; `reprise run {slug}` makes some.")
    _stdout().print(str(write_paper_page(result, out / f"{slug}.html")), soft_wrap=True)


@app.command()
def data(as_json: Json = False) -> None:
    """List the data sets: what is on this machine, what each serves, and how to get the others."""
    from rich.table import Table

    from reprise.data import sources

    listed = sources.all_sources()
    if as_json:
        _print_json(
            [
                {
                    "name": source.name,
                    "title": source.title,
                    "here": source.here(),
                    "licence": source.licence,
                    "origin": source.origin,
                    "loader": source.loader,
                    "serves": list(source.serves),
                    "obtain": source.obtain,
                }
                for source in listed
            ]
        )
        return
    table = Table(title="Data sets", title_justify="left", show_lines=True)
    for name in ("name", "here", "what", "licence", "serves", "how to get it"):
        table.add_column(name, overflow="fold")
    for source in listed:
        here = "[green]yes[/green]" if source.here() else "no"
        table.add_row(source.name, here, source.title, source.licence, ", ".join(source.serves), source.obtain)
    _stdout().print(table)


@app.command()
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
        _stderr().print("Stopped before any method had finished.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        _print_json(board.to_json())
    else:
        console = _stdout()
        console.print(leaderboard(board, console.width))
    board.need_one()
    files = board.write(folder)
    beside = ", ".join(path.name for path in files[1:])
    _stderr().print(f"Report: {_escape(str(files[0]))}   Beside it: {beside}", soft_wrap=True)
    if board.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


@app.command("inspect")
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
        _stderr().print("Stopped before any section had ended.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if as_json:
        _print_json(inspection.to_json())
    else:
        _stdout().print(findings(inspection))
    _stderr().print(f"Report: {_escape(str(folder / 'index.html'))}", soft_wrap=True)
    if inspection.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    inspection.need_one()


def _seeds(text: str) -> int | list[int]:
    """Read a number of seeds, a range or a list."""
    try:
        if "," in text:
            return [int(part) for part in text.split(",")]
        if "-" in text:
            first, last = text.split("-")
            return list(range(int(first), int(last) + 1))
        return int(text)
    except ValueError:
        raise InvalidInputError(
            f"--seeds takes a number (5), a range (1000-1002) or a list (3,7), got {text!r}."
        ) from None


def _paper_facts(paper: Any) -> dict[str, Any]:
    return paper.model_dump(mode="json") | {
        "status": paper.status,
        "module": paper.module,
        "arxiv_url": paper.arxiv_url,
    }


def _print_json(content: Any) -> None:
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _stdout() -> Console:
    from rich.console import Console

    return Console()


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


site_commands.register(app)
