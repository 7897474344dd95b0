"""The command line: thin calls of the library; nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from reprise.cli import workbench as workbench_commands
from reprise.cli.output import EXIT_ERROR, EXIT_INTERRUPTED, Json, escaped, print_json, stderr, stdout
from reprise.errors import InvalidInputError, RepriseError
from reprise.site import commands as site_commands

app = typer.Typer(
    help="Reprise: daily papers you can run. Use each method on your own data, and measure its claims again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

ALL = "all"


class ScaleName(StrEnum):
    """Sizes of a run."""

    quick = "quick"
    desktop = "desktop"
    full = "full"


Out = Annotated[Path, typer.Option("--out", help="Folder of the results.")]
Slug = Annotated[str, typer.Argument(help="Name of the paper, as in `reprise papers`.")]


def main() -> None:
    """Run the command line: an error of ours is one sentence and exit code 2."""
    try:
        app()
    except RepriseError as problem:
        stderr().print(f"[bold red]Error:[/bold red] {escaped(str(problem))}", soft_wrap=True)
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
        print_json([_paper_facts(paper) for paper in found])
        return
    table = Table(title=f"{len(found)} papers", title_justify="left")
    for name in ("slug", "family", "status"):
        longest = max((len(getattr(paper, name)) for paper in found), default=0)
        table.add_column(name, no_wrap=True, min_width=longest)
    table.add_column("title", no_wrap=True, overflow="ellipsis")
    for paper in found:
        table.add_row(paper.slug, paper.family, paper.status, paper.title)
    stdout().print(table)


@app.command()
def show(slug: Slug, as_json: Json = False) -> None:
    """Show one paper: what it is, its figures, our verdicts, and how to use it."""
    from reprise import catalogue, ledger

    paper = catalogue.paper(slug)
    result = ledger.committed(slug)
    if as_json:
        print_json(_paper_facts(paper) | {"result": result.model_dump(mode="json", by_alias=True) if result else None})
        return
    console = stdout()
    console.print(f"[bold]{escaped(paper.title)}[/bold]")
    line = [", ".join(paper.authors), str(paper.date), paper.venue, paper.arxiv_url, paper.code]
    console.print(" · ".join(part for part in line if part), style="dim")
    console.print(f"\n{escaped(paper.summary)}\n")
    for figure in paper.figures:
        console.print(f"  the paper: {escaped(f'{figure.metric}: {figure.value} ({figure.data}; {figure.verified})')}")
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
    console = stdout()
    results: list[Any] = []
    failures: list[str] = []
    for slug in claims.runnable() if every else slugs:
        try:
            with RunProgress(stderr()) as progress:
                result = runner.run([slug], on_event=progress.show, **settings)[0]
        except KeyboardInterrupt:
            stderr().print(f"Stopped. Finished trials are kept in {out}; the same command with --resume continues.")
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
        print_json([result.model_dump(mode="json", by_alias=True) for result in results])
    for failure in failures:
        stderr().print(f"[bold red]Not measured:[/bold red] {escaped(failure)}", soft_wrap=True)
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
        stderr().print(f"Taken into the ledger: {', '.join(taken) or 'nothing'}.")
    results = book.all_in(folder) if folder is not None else book.all_committed()
    if as_json:
        print_json([result.model_dump(mode="json", by_alias=True) for result in results])
    else:
        stdout().print(ledger_table(results))


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
    stdout().print(str(write_paper_page(result, out / f"{slug}.html")), soft_wrap=True)


@app.command()
def data(as_json: Json = False) -> None:
    """List the data sets: what is on this machine, what each serves, and how to get the others."""
    from rich.table import Table

    from reprise.data import sources

    listed = sources.all_sources()
    if as_json:
        print_json(
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
    stdout().print(table)


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


workbench_commands.register(app)
site_commands.register(app)
