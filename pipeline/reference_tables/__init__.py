"""The paper's tables: which runs fill them (`runs`), what the authors report (`published`), the figures of our runs
(`cells`), their means over seeds (`summary`), and those as Markdown (`markdown`)."""
