"""The claims of the papers: `claims.<family>.<slug>` measures what `<family>.<slug>` promises."""
