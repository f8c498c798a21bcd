"""Tables of boards show at first what finds room beside the names."""

from __future__ import annotations

from places import ROOT
from rows import every

from oceanbench.boards.finding import load_results
from oceanbench.boards.site.cells import width_of
from oceanbench.boards.site.tables import LETTER, NAMES, ROOM, board_table
from oceanbench.challenge import Challenge


@every("name", ["lorenz96", "amoc", "ssh_ose_jet"])
def test_the_cost_is_seen_beside_the_scores(name: str) -> None:
    challenge = Challenge.load(name)
    table = board_table(challenge, load_results(challenge, [ROOT / "leaderboards"]))
    shown = [n for n, column in enumerate(table.columns) if column.shown]
    headings = [table.columns[n].heading for n in shown]
    assert "CPU [s]" in headings and headings.index("CPU [s]") >= 3
    widths = [width_of(table.columns[n], [row.cells[n] for row in table.rows]) for n in shown]
    letters = max(len(league.letters) for league in table.leagues)
    assert sum(widths) <= ROOM - NAMES - LETTER * letters
    assert len(shown) < len(table.columns), "the others can be asked for"
    (trained,) = [n for n, c in enumerate(table.columns) if c.heading == "training CPU [s]"]
    costs = {row.result.name: row.cells[trained].text for row in table.rows}
    if name == "lorenz96":  # only one of the two was kept in a folder
        assert costs["fourdvarnet_conv"] == "≥ 1208" and costs["fourdvarnet_ode"] == "17"
